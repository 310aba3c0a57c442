using System.Numerics.Tensors;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Laws;
using VaccineRef.Testing;

namespace VaccineRef.Models.Tests;

/// <summary>What every family must do, whatever its weights.</summary>
public sealed class ModelLaws : IDisposable
{
    // Double; a row takes a few thousand roundings, and blocks of another size may add in another order.
    private const double Rounding = 1e-12;

    private readonly CpuDevice _device = new(2);

    public void Dispose() => _device.Dispose();

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 60)]
    public void A_packed_batch_is_each_sequence_alone(TinyModel tiny)
    {
        using var model = tiny.Create<double>(_device);
        double[] together = model.Logits(PackedBatch.Pack(tiny.Sequences));
        double[] alone = [.. tiny.Sequences.SelectMany(sequence => model.Logits(PackedBatch.Pack([sequence])))];
        Assert.True(GoldenCase.Distance(together, alone) < Rounding);
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 60)]
    public void A_row_does_not_see_what_comes_after_it(TinyModel tiny)
    {
        using var model = tiny.Create<double>(_device);
        var sequence = tiny.Sequences[0];
        int kept = (sequence.Tokens.Length + 1) / 2;
        double[] whole = model.Logits(PackedBatch.Pack([sequence.Tokens]));
        double[] start = model.Logits(PackedBatch.Pack([sequence.Tokens[..kept]]));
        Assert.True(GoldenCase.Distance(start, whole.AsSpan(0, start.Length)) < Rounding);
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 40)]
    public void The_tap_is_called_at_the_models_sites_in_order(TinyModel tiny)
    {
        using var model = tiny.Create<double>(_device);
        var record = new Record<double>(Enum.GetValues<SiteKind>());
        model.Logits(PackedBatch.Pack(tiny.Sequences), record);
        Assert.Equal(model.Network.Sites, record.Sites);
    }

    /// <summary>A loss that bends much: with a step of 1e-5 along a direction of length 43, off by 1e-4.</summary>
    [Fact]
    public void The_gradient_is_the_slope_where_the_loss_bends_much() =>
        The_gradient_of_all_weights_is_the_slope_of_the_loss(new("llama grouped tied", 152163156, 2, [1, 2]));

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 60)]
    public void The_gradient_of_all_weights_is_the_slope_of_the_loss(TinyModel tiny)
    {
        using var model = tiny.Create<double>(_device);
        CheckSlope(model, tiny);
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 40)]
    public void The_gradient_of_an_adapter_is_the_slope_of_the_loss(TinyModel tiny)
    {
        using var model = tiny.Create<double>(_device);
        var lora = Lora.Attach(model, ModelRun.AllLinear(), tiny.Random.At("lora"));
        foreach (var pair in lora.Pairs)
            _device.Run(new FillNormal<double>(tiny.Random.At(pair.B.Name), 0.3), pair.B.Value);
        CheckSlope(model, tiny);
        Assert.DoesNotContain(model.Network.Parameters, parameter => parameter.IsTrainable);
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 40)]
    public void Dropout_is_the_same_for_the_same_stream_and_off_outside_training(TinyModel tiny)
    {
        using var model = tiny.Create<double>(_device);
        Lora.Attach(model, ModelRun.AllLinear() with { Dropout = 0.3 }, tiny.Random.At("lora"));
        var batch = PackedBatch.Pack(tiny.Sequences);
        Assert.Equal(model.Loss(batch, true, tiny.Random), model.Loss(batch, true, tiny.Random));
        Assert.Equal(model.Loss(batch), model.Loss(batch, false, tiny.Random));
        if (tiny.Variant.StartsWith("opt", StringComparison.Ordinal) && batch.Counted > 0)
            Assert.NotEqual(model.Loss(batch, true, tiny.Random), model.Loss(batch));
    }

    [Property(MaxTest = 5)]
    public void Random_weights_follow_Hugging_Faces_rules(int seed)
    {
        foreach (string variant in TinyModel.Variants)
        {
            var tiny = new TinyModel(variant, seed & int.MaxValue, 2, [3]);
            using var model = LanguageModel.Create<double>(tiny.Config, _device, tiny.Random);
            foreach (var parameter in model.Network.Parameters)
            {
                double[] values = ModelRun.Numbers(parameter.Value);
                bool bias = parameter.Name.EndsWith("bias", StringComparison.Ordinal);
                bool residual = parameter.Name.EndsWith("c_proj.weight", StringComparison.Ordinal);
                double deviation = Math.Sqrt(values.Where(value => value != 0).DefaultIfEmpty().Average(v => v * v));
                if (parameter.Dimensions.Count == 1)
                    Assert.All(values, value => Assert.Equal(bias ? 0 : 1, value));
                else                // six standard errors of a sample's deviation
                    Assert.Equal(residual ? 0.2 : 0.4, deviation, 6 * 0.4 / Math.Sqrt(2 * values.Length));
            }

            if (variant == "opt")
                Assert.All(ModelRun.Numbers(model.Network.Head.Value.SliceRows(1, 1)), value => Assert.Equal(0, value));
        }
    }

    /// <summary>Where OPT's norms follow the sums, as in OPT-350m, what each block hands on is normalised.</summary>
    [Fact]
    public void A_block_of_post_norm_ends_in_a_norm()
    {
        var tiny = new TinyModel("opt post-norm projected", 3, 2, [5, 7]);
        using var model = tiny.Create<double>(_device);
        foreach (var norm in model.Network.Parameters
            .Where(parameter => parameter.Name.Contains("layer_norm", StringComparison.Ordinal)))
            _device.Fill(norm.Value, norm.Name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0);
        using var tape = new Tape<double>(_device);
        var record = new Record<double>(SiteKind.BlockOutput);
        model.Network.Forward(new(tape, record), PackedBatch.Pack(tiny.Sequences));
        Assert.Equal(2, record.Hidden.Length);
        foreach (var hidden in record.Hidden)
            foreach (double[] row in ModelRun.Numbers(hidden.Value).Chunk(hidden.Shape.Columns))
            {
                Assert.Equal(0, row.Average(), 1e-12);
                // the norm adds 1e-5 to a variance of about 1
                Assert.Equal(1, row.Average(value => value * value), 1e-3);
            }
    }

    [Fact]
    public void The_padding_row_gets_a_gradient_from_the_tied_head_alone()
    {
        var tiny = new TinyModel("opt", 7, 1, [4]);
        using var model = tiny.Create<double>(_device);
        using var state = new Arena(_device);
        model.Network.Head.Train(state);
        var counted = PackedBatch.Pack([new TokenSequence([1, 1, 5], [1, 1, 5])]);
        var ignored = PackedBatch.Pack([new TokenSequence([1, 1, 5], [-100, -100, -100])]);
        model.Loss(ignored);
        Assert.All(ModelRun.Numbers(model.Network.Head.Gradient), g => Assert.Equal(0, g));
        model.Loss(counted);
        foreach (int row in new[] { 1, 5 })
        {
            var head = model.Network.Head;
            double gradient = head.Gradient.Row(row)[0];
            double slope = Slope(model, counted, head.Value.SliceRows(row, 1).As(Shape.Scalar));
            Assert.NotEqual(0, gradient);
            Assert.Equal(row == 5, Math.Abs(slope - gradient) < 1e-6);     // in row 1 the input side is left out
        }
    }

    [Theory]
    [InlineData("opt", "attention_dropout")]
    [InlineData("gpt2", "attn_pdrop")]
    [InlineData("llama", "attention_dropout")]
    public void Dropout_of_attention_weights_is_refused_in_training_only(string variant, string key)
    {
        var tiny = new TinyModel(variant, 3, 1, [5]);
        var json = tiny.Json;
        json[key] = 0.1;
        using var model = LanguageModel.Create<double>(ModelFiles.Config(json), _device, tiny.Random);
        var batch = PackedBatch.Pack(tiny.Sequences);
        model.Loss(batch);
        var error = Assert.Throws<InputException>(() => model.Loss(batch, training: true));
        Assert.Contains("attention_dropout", error.Message);
    }

    /// <summary>
    /// Along a random direction over all that is trained, the slope of the loss is the gradient's part in it.
    /// </summary>
    private void CheckSlope(Model<double> model, TinyModel tiny)
    {
        var batch = PackedBatch.Pack([.. tiny.Sequences.Select(WithoutPadding)]);
        using var state = new Arena(_device);
        var moves = model.Trainable.Select(parameter => state.Allocate<double>(parameter.Shape)).ToArray();
        for (int i = 0; i < moves.Length; i++)
        {
            model.Trainable[i].Train(state);
            _device.Run(new FillNormal<double>(tiny.Random.At(model.Trainable[i].Name).At("direction")), moves[i]);
        }

        double here = model.Loss(batch);
        double[] gradient = [.. model.Trainable.SelectMany(parameter => ModelRun.Numbers(parameter.Gradient))];
        double[] direction = [.. moves.SelectMany(ModelRun.Numbers)];
        double length = direction.Norm(), at = 0;
        foreach (var parameter in model.Trainable)
            parameter.Freeze();
        string? fault = OneSidedSlope.Fault(Loss, here, gradient, direction.Times(1 / length));
        Assert.True(fault is null, fault);

        double Loss(double distance)
        {
            for (int i = 0; i < moves.Length; i++)
            {
                var weight = model.Trainable[i].Value.Span;
                TensorPrimitives.MultiplyAdd(moves[i].Span, (distance - at) / length, weight, weight);
            }

            at = distance;
            return model.Loss(batch);
        }

        // The gradient of a padding row (some variant has each of these) is by design not the slope.
        static TokenSequence WithoutPadding(TokenSequence sequence) =>
            sequence with
            {
                Tokens = [.. sequence.Tokens.Select(id => id is 1 or 3 or TinyModel.Vocabulary - 1 ? 0 : id)],
            };
    }

    /// <summary>The slope of the loss in one element.</summary>
    private static double Slope(Model<double> model, PackedBatch batch, View<double> element)
    {
        const double Step = 1e-6;
        double At(double value)
        {
            element.Span[0] = value;
            return model.TokenLosses(batch).Sum() / batch.Counted;
        }

        double here = element.Span[0];
        return (At(here + Step) - At(here - Step)) / (2 * Step);
    }
}
