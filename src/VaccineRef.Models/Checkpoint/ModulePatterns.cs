using System.Text.RegularExpressions;

namespace VaccineRef.Models;

/// <summary>
/// PEFT's <c>rank_pattern</c> and <c>alpha_pattern</c>: numbers for the modules that a name or an expression matches,
/// the first in the file to match.
/// </summary>
/// <remarks>
/// Source: peft, <c>utils/other.py</c>, <c>get_pattern_key</c>: an expression matches a module's whole path, or what
/// stands behind one of its dots.
/// </remarks>
public sealed class ModulePatterns
{
    private readonly (string Key, Regex Expression, double Value)[] _patterns;

    private ModulePatterns((string, Regex, double)[] patterns) => _patterns = patterns;

    /// <summary>No patterns.</summary>
    public static ModulePatterns None { get; } = new([]);

    /// <summary>Whether there are none.</summary>
    public bool IsEmpty => _patterns.Length == 0;

    /// <summary>The expressions and their numbers, in order.</summary>
    public IEnumerable<KeyValuePair<string, double>> Entries =>
        _patterns.Select(pattern => KeyValuePair.Create(pattern.Key, pattern.Value));

    /// <summary>
    /// Makes patterns; expressions run in linear time, so that look-around and back references are refused.
    /// </summary>
    /// <exception cref="ArgumentException">An expression is malformed.</exception>
    /// <exception cref="NotSupportedException">An expression needs backtracking.</exception>
    public static ModulePatterns Of(params IEnumerable<KeyValuePair<string, double>> entries)
    {
        const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;
        (string, Regex, double)[] patterns =
            [.. entries
                .Select(entry => (entry.Key, new Regex($@"\A(?:.*\.)?(?:{entry.Key})\z", Options), entry.Value))];
        return patterns.Length == 0 ? None : new(patterns);
    }

    /// <summary>The number of a module, or <paramref name="otherwise"/> where nothing matches it.</summary>
    public double Of(string module, double otherwise) =>
        _patterns.Where(pattern => pattern.Expression.IsMatch(module)).Select(pattern => pattern.Value)
            .DefaultIfEmpty(otherwise).First();
}
