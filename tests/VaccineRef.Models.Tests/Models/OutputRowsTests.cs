using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Laws;
using VaccineRef.Testing;

namespace VaccineRef.Models.Tests;

/// <summary>A model that is asked for some rows only must give what it gives for all.</summary>
public sealed class OutputRowsTests : IDisposable
{
    // Double; products of another height may add in another order.
    private const double Rounding = 1e-12;

    private readonly CpuDevice _device = new(2);

    public void Dispose() => _device.Dispose();

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 60)]
    public void Output_rows_are_the_rows_of_the_whole(TinyModel tiny, bool adapted)
    {
        using var model = Model(tiny, adapted);
        var batch = PackedBatch.Pack(tiny.Sequences);
        int[] rows = [.. Enumerable.Range(0, batch.Rows).Where(row => tiny.Random.Below(2, row) == 0)];
        using var tape = new Tape<double>(_device);
        var pass = new Pass<double>(tape, new NoTap<double>());
        var all = model.Network.Forward(pass, batch);
        var some = model.Network.Forward(pass, batch, outputRows: rows);
        double[] expected = [.. rows.SelectMany(row => all.Value.Row(row).ToArray())];
        Assert.Equal(all.Shape with { Rows = rows.Length }, some.Shape);
        Assert.InRange(GoldenCase.Distance(ModelRun.Numbers(some.Value), expected), 0, Rounding);
    }

    /// <summary>At the last sites too: there the gradient of a row that nobody wants is 0, as it always was.</summary>
    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 40)]
    public void Gradients_of_weights_and_sites_are_those_of_the_whole(TinyModel tiny, bool adapted)
    {
        using var model = Model(tiny, adapted);
        var batch = PackedBatch.Pack(tiny.Sequences);
        using var state = new Arena(_device);
        foreach (var parameter in model.Trainable)
            parameter.Train(state);
        var (all, some) = (Run(model, batch, null), Run(model, batch, batch.CountedRows));
        Assert.Equal(all.Count, some.Count);
        double whole = Math.Sqrt(all.Values.Sum(values => values.Dot(values)));
        foreach (var (name, expected) in all)
            Assert.InRange(Numbers.Mix(1, some[name], -1, expected).Norm(), 0, Rounding * whole);
        string last = new Site(model.Network.Shape.Layers - 1, SiteKind.AttentionOutput).ToString();
        for (int row = 0, columns = model.Network.Shape.Hidden; row < batch.Rows; row++)
            if (!batch.CountedRows.Contains(row))
                Assert.All(some[last][(row * columns)..((row + 1) * columns)], value => Assert.Equal(0, value));
    }

    [Fact]
    public void Row_numbers_that_do_not_ascend_are_refused()
    {
        using var model = new TinyModel("llama", 5, 1, [4]).Create<double>(_device);
        using var tape = new Tape<double>(_device);
        var batch = PackedBatch.Pack([[1, 2, 3, 4]]);
        var pass = new Pass<double>(tape, new Record<double>(SiteKind.BlockOutput));
        foreach (int[] rows in (int[][])[[0, 4], [-1], [2, 1], [1, 1]])
            Assert.Throws<ShapeException>(() => model.Network.Forward(pass, batch, outputRows: rows));
    }

    private static Dictionary<string, double[]> Run(Model<double> model, PackedBatch batch, int[]? rows)
    {
        foreach (var parameter in model.Trainable)
            parameter.Gradient.Span.Clear();
        using var tape = new Tape<double>(model.Device);
        var record = new Record<double>(Enum.GetValues<SiteKind>());
        Tensor<double> Loss()
        {
            var hidden = model.Network.Forward(new(tape, record), batch, outputRows: rows);
            int[] targets = rows is null ? batch.Targets : batch.CountedTargets;
            return tape.Apply(new CrossEntropy<double>(), [hidden, tape.Of(model.Network.Head)], targets);
        }

        tape.BackwardToParameters(Loss());
        tape.Clear();
        record = new(Enum.GetValues<SiteKind>());
        var loss = Loss();
        Dictionary<string, double[]> found = new() { ["loss"] = ModelRun.Numbers(loss.Value) };
        var gradients = tape.Backward(loss, record.Hidden);
        for (int i = 0; i < record.Sites.Count; i++)
            found.Add(record.Sites[i].ToString(), ModelRun.Numbers(gradients[record.Hidden[i]]));
        foreach (var parameter in model.Trainable)
            found.Add(parameter.Name, ModelRun.Numbers(parameter.Gradient));
        return found;
    }

    private Model<double> Model(TinyModel tiny, bool adapted)
    {
        var model = tiny.Create<double>(_device);
        if (adapted)
            foreach (var pair in Lora.Attach(model, ModelRun.AllLinear(), tiny.Random).Pairs)
                _device.Run(new FillNormal<double>(tiny.Random.At(pair.B.Name), 0.3), pair.B.Value);
        return model;
    }
}
