using VaccineRef.Verification.Conform;

namespace VaccineRef.Verification.Tests.Conform;

/// <summary>When a simulation is taken to explain a trace.</summary>
public sealed class FitLaws(ConformKitFixture kit) : IClassFixture<ConformKitFixture>
{
    /// <summary>
    /// A simulation that equals a trace wherever both have something explains what it holds, and nothing else.
    /// </summary>
    [Fact]
    public void Only_what_a_simulation_holds_is_explained_by_it()
    {
        using var @case = LoadedCase.Open<double>(kit.Case("llama_mha"), kit.Device);
        string folder = Path.Combine(kit.Case("llama_mha"), "expected");
        var trace = Trace.Read(folder, Trace.ReadManifest(folder), @case);
        var reference = Simulation.Run(@case, Variation.Reference);
        var precision = Precision.Of("float64", @case, reference);
        string[] keys = [.. reference.Select(quantity => quantity.Key).Where(trace.Values.ContainsKey)];
        Assert.NotEmpty(keys);
        Assert.Null(Judging.Fit(trace, reference, precision, 0, new HashSet<string>()));
        foreach (string key in keys)
        {
            var inQuestion = new HashSet<string> { key };
            Assert.NotNull(Judging.Fit(trace, reference, precision, 0, inQuestion));
            Assert.Null(Judging.Fit(trace, reference.Where(quantity => quantity.Key != key), precision, 0, inQuestion));
        }
    }
}
