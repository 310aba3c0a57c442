using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>A low-rank adapter is a change of weights, and none where B is 0.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 20)]
public sealed class AdapterLaws
{
    // The product formed once in the weight instead of in every row: sums of some hundred doubles, through norms of
    // condition 1e2.
    private const double RecomputeTolerance = 1e-11;

    [Property]
    public void With_B_zero_it_is_the_identity(TinyModel tiny)
    {
        using var plain = new TinyRun<double>(tiny with { Adapted = false });
        using var adapted = new TinyRun<double>(tiny with { Adapted = true });
        Assert.NotEqual(plain.Loss(), adapted.Loss());
        foreach (var pair in adapted.Model.Adapter!.Pairs)
            pair.B.Value.Span.Clear();
        Assert.Equal(plain.Loss(), adapted.Loss());
    }

    [Property]
    public void Merged_it_computes_the_same_and_unmerged_the_weights_are_back(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny with { Adapted = true });
        var adapter = run.Model.Adapter!;
        double[] Weights() => [.. adapter.Pairs.SelectMany(pair => TinyRun<double>.Values(pair.Layer.Weight.Value))];
        double[] before = Weights();
        double loss = run.Loss();

        adapter.Merge();
        double[] merged = Weights();
        Assert.NotEqual(before, merged);
        Assert.Equal(loss, run.Loss(), RecomputeTolerance * (1 + loss));

        adapter.Unmerge();
        double[] after = Weights();
        // The bound that Unmerge states: one rounding going and one coming, eps (|W| + |scaling B A|).
        double eps = double.BitIncrement(1) - 1;
        for (int i = 0; i < before.Length; i++)
            Assert.Equal(before[i], after[i], eps * (Math.Abs(before[i]) + Math.Abs(merged[i] - before[i])));
        Assert.Equal(loss, run.Loss(), RecomputeTolerance * (1 + loss));
    }
}
