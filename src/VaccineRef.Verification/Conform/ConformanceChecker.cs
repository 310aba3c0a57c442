using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// Judges traces of other implementations: every quantity against the reference and against what the port's own
/// preceding quantities imply, then the known defects against the whole trace. Needs no network, no Python and no
/// native library.
/// </summary>
/// <param name="device">Where the reference runs.</param>
public sealed class ConformanceChecker(Device device)
{
    /// <summary>Judges one trace.</summary>
    /// <param name="traceFolder">The folder with manifest.json and the tensors.</param>
    /// <param name="kitFolder">The kit that the case is taken from.</param>
    /// <exception cref="InputException">The trace or the kit cannot be read, or they are not of each other.</exception>
    public CaseReport Check(string traceFolder, string kitFolder)
    {
        if (!Directory.Exists(traceFolder))
            throw new InputException(
                "there is no such trace", traceFolder, remedy: "a folder with manifest.json and *.safetensors");
        var manifest = Trace.ReadManifest(traceFolder);
        string folder = ConformKit.CaseFolder(kitFolder, manifest);
        using var @case = LoadedCase.Open<double>(folder, device);
        return Check(traceFolder, Trace.Read(traceFolder, manifest, @case), @case, kitFolder);
    }

    /// <summary>Judges a trace of a case that is open already.</summary>
    internal CaseReport Check(string traceFolder, Trace trace, LoadedCase @case, string kitFolder)
    {
        double scale = trace.Manifest.LossScale ?? 1;
        var reference = Simulation.Run(@case, Variation.Reference, lossScale: scale);
        var precision = Precision.Of(trace.Manifest.Dtype, @case, reference);
        var own = Usable(trace, reference);
        var conditional = Simulation.Run(@case, Variation.Reference, own, scale);
        var judged = Judging.Judge(trace, reference, conditional, precision);
        var wrong = judged.Where(row => !row.Passes || row.IsOwnFault).ToArray();
        var fits = wrong.Length == 0 ? [] : new HypothesisFit(@case, trace, precision, scale, own, judged).Find();
        var faults = wrong.Where(row => row.IsOwnFault).DefaultIfEmpty(wrong.FirstOrDefault()).OfType<JudgedQuantity>()
            .DistinctBy(row => (row.Quantity.Stage, Step(row.Quantity.Key))).ToArray();
        return new(@case.Settings.Name, wrong.Length == 0 ? Verdict.Conforms : fits.Count > 0 ? Verdict.KnownDeviation : Verdict.DoesNotConform)
        {
            Trace = traceFolder,
            Implementation = trace.Manifest.Implementation is { } who
                ? ConformJson.Clean($"{who.Name} {who.Version}".Trim())
                : null,
            Dtype = trace.Manifest.Dtype,
            Deviations = [.. fits.Select(fit => fit.Deviation)],
            ToldApartBy = fits.Count > 1 ? new TellingApart(device).Case(kitFolder, @case.Settings.Name, fits) : null,
            FirstDivergence = faults.FirstOrDefault() is { } first ? Report(first) : null,
            FurtherFaults = [.. faults.Skip(1).Select(Report)],
            Consequences = wrong.Count(row => !row.IsOwnFault),
            Checked = judged.Count,
            NotChecked = NotChecked(trace, reference),
            Remarks = Remarks(trace, @case.Settings),
            Quantities = [.. judged.Select(Report)],
        };
    }

    /// <summary>The port's own quantities that can be computed with: of the right extents, and finite.</summary>
    private static Dictionary<string, Values> Usable(Trace trace, IReadOnlyList<Quantity> reference)
    {
        Dictionary<string, Values> usable = [];
        foreach (var quantity in reference)
            if (trace.Values.TryGetValue(quantity.Key, out var found)
                && found.Shape.SequenceEqual(quantity.Values.Shape)
                && found.Numbers.All(double.IsFinite))
                usable.Add(quantity.Key, found);
        return usable;
    }

    private static string Step(string key) => key[..key.IndexOf('/', StringComparison.Ordinal)];

    private static QuantityReport Report(JudgedQuantity row)
    {
        static double? Finite(double value) => double.IsFinite(value) ? value : null;
        var shown = row.IsOwnFault ? row.Conditional : row.EndToEnd;
        return new(
            row.Quantity.Key, row.Quantity.Stage.ToString().ToLowerInvariant(), row.Tolerance,
            Finite(row.EndToEnd.Relative),
            Finite(row.Conditional.Relative), row.Passes && !row.IsOwnFault)
        {
            Cosine = Finite(shown.Cosine),
            NormRatio = Finite(shown.NormRatio),
            WorstIndex = shown.WorstIndex,
            Problem = shown.Problem ?? row.EndToEnd.Problem,
        };
    }

    /// <summary>What is absent, by kind: "p1 site raw (6)".</summary>
    private static IReadOnlyList<string> NotChecked(Trace trace, IReadOnlyList<Quantity> reference)
    {
        // what lies at sites that the method does not move is never asked for
        bool Asked(Quantity quantity) => !quantity.Key.Contains("/mlp", StringComparison.Ordinal)
            && !quantity.Key.Contains("/block", StringComparison.Ordinal)
            && !quantity.Key.Contains("/embedding", StringComparison.Ordinal);
        return
        [
            .. reference
                .Where(quantity => !trace.Values.ContainsKey(quantity.Key) && !trace.Problems.ContainsKey(quantity.Key))
                .Where(quantity => quantity.Stage is Stage.Gradient or Stage.Update || Asked(quantity))
                .GroupBy(quantity => Kind(quantity)).Select(group => $"{group.Key} ({group.Count()})"),
        ];
    }

    private static string Kind(Quantity quantity)
    {
        string[] parts = quantity.Key.Split('/');
        return quantity.Stage switch
        {
            Stage.Gradient => parts.Length > 2 ? "parameter gradients" : "norm of the gradient",
            Stage.Update => "updated parameters",
            _ => string.Join(' ', parts.Skip(1).Where(part => part is not ['m' or 'r', >= '0' and <= '9', ..])
                .Select(
                    part => part.TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9') is "site" ? "site" : part)),
        };
    }

    private static List<string> Remarks(Trace trace, CaseSettings settings)
    {
        var manifest = trace.Manifest;
        List<string> remarks = [];
        void Compare(string name, object? said, object asked)
        {
            if (said is not null && !said.Equals(asked))
                remarks.Add(FormattableString.Invariant($"the port says {name} {ConformJson.Clean($"{said}")}, the case asks for {asked}"));
        }

        Compare("method", manifest.Method, settings.Method);
        Compare("rho", manifest.Rho, settings.Rho);
        Compare("guard", manifest.Guard, settings.Guard);
        Compare("dropout", manifest.Dropout, 0.0);
        Compare("reduction", manifest.Reduction, "mean");
        if (trace.Ignored.Count > 0)
            remarks.Add($"{trace.Ignored.Count} tensors were not looked at, the first is {ConformJson.Clean(trace.Ignored[0])}");
        return remarks;
    }
}
