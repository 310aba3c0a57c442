using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace VaccineRef.Models;

/// <summary>
/// Which linear modules carry a LoRA adapter: a list of names (a module matches that is named so or ends in
/// <c>.name</c>), a regular expression for the whole module path, or all of them.
/// </summary>
/// <remarks>Source: peft, <c>tuners/tuners_utils.py</c>, <c>check_target_module_exists</c>.</remarks>
public sealed class TargetModules
{
    private const string All = "all-linear";

    private readonly Regex? _regex;

    private TargetModules(ImmutableArray<string> names, string? pattern, Regex? regex) =>
        (Names, Pattern, _regex) = (names, pattern, regex);

    /// <summary>Every linear module except the output head.</summary>
    public static TargetModules AllLinear { get; } = new([], All, null);

    /// <summary>The names, where this is a list; otherwise empty.</summary>
    public ImmutableArray<string> Names { get; }

    /// <summary>The regular expression or <c>all-linear</c>; null where this is a list.</summary>
    public string? Pattern { get; }

    /// <summary>Modules of these names, such as <c>q_proj</c>.</summary>
    public static TargetModules Named(params ImmutableArray<string> names) => new(names, null, null);

    /// <summary>
    /// Modules whose whole path matches. The expression runs in linear time, so look-around and back references are
    /// refused.
    /// </summary>
    /// <exception cref="ArgumentException">The expression is malformed.</exception>
    /// <exception cref="NotSupportedException">The expression needs backtracking.</exception>
    public static TargetModules Matching(string pattern) => pattern.Equals(All, StringComparison.OrdinalIgnoreCase)
        ? AllLinear
        : new([], pattern, new($@"\A(?:{pattern})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant));

    /// <summary>
    /// Whether the linear module of this path, such as <c>model.layers.0.self_attn.q_proj</c>, carries an adapter.
    /// </summary>
    public bool Match(string module) => Pattern == All
        ? !$".{module}".EndsWith(".lm_head", StringComparison.Ordinal)
        : _regex?.IsMatch(module) ?? Names.Any(name => $".{module}".EndsWith($".{name}", StringComparison.Ordinal));

    /// <summary>The list, or the expression.</summary>
    public override string ToString() => Pattern ?? string.Join(", ", Names);
}
