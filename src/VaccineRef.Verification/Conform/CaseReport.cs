using System.Text.Json.Serialization;

namespace VaccineRef.Verification.Conform;

/// <summary>What a trace amounts to.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
public enum Verdict
{
    /// <summary>Every quantity that was recorded is right.</summary>
    [JsonStringEnumMemberName("conforms")]
    Conforms,

    /// <summary>The trace equals the reference with a known defect.</summary>
    [JsonStringEnumMemberName("known_deviation")]
    KnownDeviation,

    /// <summary>The trace is wrong, and no known defect explains it.</summary>
    [JsonStringEnumMemberName("does_not_conform")]
    DoesNotConform,

    /// <summary>The port says that it does not do this case.</summary>
    [JsonStringEnumMemberName("skipped")]
    Skipped,

    /// <summary>The port failed, ran out of time, or wrote what cannot be read.</summary>
    [JsonStringEnumMemberName("crashed")]
    Crashed,
}

/// <summary>One case of one port, judged.</summary>
/// <param name="Case">The case's name.</param>
/// <param name="Verdict">What it amounts to.</param>
public sealed record CaseReport(string Case, Verdict Verdict)
{
    /// <summary>The trace's folder.</summary>
    public string? Trace { get; init; }

    /// <summary>Who made the trace, and in which version.</summary>
    public string? Implementation { get; init; }

    /// <summary>What the port computed in.</summary>
    public string? Dtype { get; init; }

    /// <summary>The known defects that the trace equals. Several: they cannot be told apart on this case.</summary>
    public IReadOnlyList<Deviation> Deviations { get; init; } = [];

    /// <summary>A case that would tell the deviations apart, where there are several.</summary>
    public string? ToldApartBy { get; init; }

    /// <summary>The first quantity in causal order that the port gets wrong given what it had before.</summary>
    public QuantityReport? FirstDivergence { get; init; }

    /// <summary>
    /// Further quantities that are wrong given what the port had before them: other defects, or the same again.
    /// </summary>
    public IReadOnlyList<QuantityReport> FurtherFaults { get; init; } = [];

    /// <summary>
    /// Quantities that differ from the reference and are right given what the port had before: they follow.
    /// </summary>
    public int Consequences { get; init; }

    /// <summary>Quantities that were judged.</summary>
    public int Checked { get; init; }

    /// <summary>What the trace does not hold, by kind: not checked, which is not the same as passed.</summary>
    public IReadOnlyList<string> NotChecked { get; init; } = [];

    /// <summary>What the manifest says otherwise than the case.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>All quantities with their tolerances.</summary>
    public IReadOnlyList<QuantityReport> Quantities { get; init; } = [];

    /// <summary>Why there is no verdict on numbers.</summary>
    public string? Reason { get; init; }

    /// <summary>Whether a list of known failures says that this case fails.</summary>
    public bool Tolerated { get; init; }
}

/// <summary>A known defect that a trace equals.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Title">What the port does.</param>
/// <param name="Error">The worst relative difference between the trace and the reference with this defect.</param>
/// <param name="See">Where docs/deviations.md speaks of it: "D6".</param>
public sealed record Deviation(string Id, string Title, double Error, string? See)
{
    /// <summary>"first_pass_kept: the first pass's gradient left in, to 3e-13; docs/deviations.md, D6".</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{Id}: {Title}, to {Error:0e+0}{(See is null ? "" : $"; see docs/deviations.md, {See}")}");
}

/// <summary>One quantity, judged twice.</summary>
/// <param name="Quantity">Its key, as the trace names it.</param>
/// <param name="Stage">Where in a step it stands.</param>
/// <param name="Tolerance">What it may be off by, relative.</param>
/// <param name="Error">How far it is from the reference's; null where it could not be compared.</param>
/// <param name="ConditionalError">
/// How far it is from what the port's own preceding quantities imply; null likewise.
/// </param>
/// <param name="Passed">Whether both are within the tolerance.</param>
public sealed record QuantityReport(
    string Quantity, string Stage, double Tolerance, double? Error, double? ConditionalError, bool Passed)
{
    /// <summary>The cosine of the angle between found and expected.</summary>
    public double? Cosine { get; init; }

    /// <summary>The norm found over the norm expected.</summary>
    public double? NormRatio { get; init; }

    /// <summary>The element that is off by most.</summary>
    public string? WorstIndex { get; init; }

    /// <summary>Why it could not be compared.</summary>
    public string? Problem { get; init; }

    /// <summary>The numbers in words.</summary>
    public override string ToString() => Problem is { } problem ? $"{Quantity}: {problem}" : FormattableString.Invariant(
        $"{Quantity}: relative {Error:0.0e+00} (tolerance {Tolerance:0e+00}), cosine {Cosine ?? double.NaN:0.######}, ratio of norms {NormRatio ?? double.NaN:0.######}{(WorstIndex is null ? "" : $", worst at {WorstIndex}")}");
}
