namespace VaccineRef.Laws;

/// <summary>What became of a law.</summary>
public enum LawOutcome
{
    /// <summary>It held in every case that was drawn.</summary>
    Holds,

    /// <summary>A case was found in which it does not hold.</summary>
    Broken,

    /// <summary>It was not checked at all, for the reason that the message gives. This is never a pass.</summary>
    NotChecked,
}

/// <summary>How many cases are drawn, and from which seed.</summary>
/// <param name="Seed">
/// The seed of the cases; null for a new one. A broken law names it, and it draws the same cases again.
/// </param>
/// <param name="MaxTest">The number of cases of each law; null for the law's own number.</param>
public sealed record LawOptions(ulong? Seed = null, int? MaxTest = null);

/// <summary>One law, checked on one subject.</summary>
/// <param name="Subject">What was checked: an op, a rule, a port.</param>
/// <param name="Law">The law's name.</param>
/// <param name="Outcome">What became of it.</param>
/// <param name="Cases">The number of cases in which it was checked, the broken one included.</param>
/// <param name="Seed">The seed from which the cases were drawn.</param>
/// <param name="MaxTest">The number of cases that were to be drawn.</param>
public sealed record LawResult(string Subject, string Law, LawOutcome Outcome, int Cases, ulong Seed, int MaxTest)
{
    /// <summary>What was found, or why nothing was checked; null if the law holds.</summary>
    public string? Message { get; init; }

    /// <summary>The smallest case in which the law is broken; null if it holds.</summary>
    public string? SmallestCase { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Outcome switch
    {
        LawOutcome.Holds => $"{Subject}, {Law}: holds in {Cases} cases",
        LawOutcome.NotChecked => $"{Subject}, {Law}: not checked: {Message}",
        _ => $"{Subject}, {Law}: broken: {Message}{Environment.NewLine}"
            + $"  smallest case: {SmallestCase}{Environment.NewLine}"
            + $"  replay:        seed {Seed}, {MaxTest} cases",
    };
}

/// <summary>A law is broken. The message is plain text, so that any test runner can show it.</summary>
/// <param name="results">Everything that was checked, broken or not.</param>
public sealed class LawException(IReadOnlyList<LawResult> results) : Exception(Compose(results))
{
    /// <summary>The laws that are broken.</summary>
    public IReadOnlyList<LawResult> Broken { get; } = [.. results.Where(result => result.Outcome == LawOutcome.Broken)];

    /// <summary>Throws if a law is broken.</summary>
    /// <returns>The results, if none is.</returns>
    /// <exception cref="LawException">A law is broken.</exception>
    public static IReadOnlyList<LawResult> ThrowIfBroken(IReadOnlyList<LawResult> results) =>
        results.Any(result => result.Outcome == LawOutcome.Broken) ? throw new LawException(results) : results;

    private static string Compose(IReadOnlyList<LawResult> results)
    {
        var broken = results.Where(result => result.Outcome == LawOutcome.Broken).ToArray();
        return string.Join(
            Environment.NewLine,
            [$"{broken.Length} of {results.Count} laws are broken", .. broken.Select(result => $"{result}")]);
    }
}

/// <summary>
/// Thrown inside a law where the subject does not offer what the law needs. The law is then reported as not checked.
/// </summary>
/// <param name="reason">What is not offered.</param>
public sealed class NotOfferedException(string reason) : Exception(reason);

/// <summary>
/// Thrown inside a law where the subject cannot go on at all, such as a port whose process has ended. The law is
/// broken, and no smaller case is looked for.
/// </summary>
/// <param name="message">What happened.</param>
/// <param name="inner">What caused it, if anything.</param>
public class SubjectFailedException(string message, Exception? inner = null) : Exception(message, inner);
