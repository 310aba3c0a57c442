using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Edits;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Laws;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Tests.Edits;

/// <summary>
/// Edits after alignment and after fine-tuning, on Llama, OPT and GPT-2, against definitions in double.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 12)]
public sealed class EditLaws
{
    // Sums of at most some hundred products of doubles of the order of 1, in another order.
    private const double Tolerance = 1e-11;

    // Subspaces stop where the sum of the squares that they hold grows by less than 32 eps, 7e-15, in a round; a
    // thousandfold for slow ends.
    private const double SubspaceTolerance = 1e-11;

    private static LoxOptions Lox(int rank = 0, double factor = 1) =>
        new() { Name = "lox", Base = ThreeModels.Base, Aligned = ThreeModels.Aligned, Rank = rank, Factor = factor };

    private static SafeLoraOptions SafeLora(int layers = 100, double? threshold = null, int rank = 0, Variant variant = Variant.Paper) => new()
    {
        Name = "safe",
        Base = ThreeModels.Base,
        Aligned = ThreeModels.Aligned,
        Layers = layers,
        Threshold = threshold,
        Rank = rank,
        Variant = variant,
    };

    private static AntidoteOptions Antidote(double ratio) =>
        new() { Name = "prune", Harmful = new WorldHarmfulOptions(), Ratio = ratio };

    [Property]
    public void At_strength_zero_an_edit_changes_no_bit(TinyModel tiny)
    {
        using var models = new ThreeModels(tiny);
        EditStageOptions[] edits = [Lox(factor: 0), Lox(2, 0), SafeLora(layers: 0), SafeLora(threshold: -1),
            SafeLora(layers: 0, rank: 2), Antidote(0)];
        foreach (var edit in edits)
        {
            var size = models.Apply(edit);
            Assert.Equal((0, 0, 0.0), (size.Changed, size.Tensors, size.Norm));
            foreach (var (name, values) in ThreeModels.Weights(models.Model))
                Assert.Equal(models.Tuned[name], values);
        }
    }

    [Property]
    public void What_it_says_it_changed_is_what_changed(TinyModel tiny)
    {
        using var models = new ThreeModels(tiny);
        foreach (var edit in (EditStageOptions[])[Lox(1), Lox(), SafeLora(2), Antidote(0.3)])
        {
            models.Reset();
            var size = models.Apply(edit);
            var after = ThreeModels.Weights(models.Model);
            var changed = after.ToDictionary(
                each => each.Key,
                each => each.Value.Zip(models.Tuned[each.Key], (a, b) => a - b).Where(d => d != 0).ToArray());
            Assert.Equal(changed.Sum(each => each.Value.Length), size.Changed);
            Assert.Equal(changed.Count(each => each.Value.Length > 0), size.Tensors);
            Assert.Equal(after.Sum(each => each.Value.Length), size.Numbers);
            double norm = Math.Sqrt(changed.Sum(each => each.Value.Sum(d => d * d)));
            Assert.Equal(norm, size.Norm, Tolerance * norm);
            Assert.True(size.Changed > 0);
        }
    }

    [Property]
    public void Lox_of_the_whole_difference_is_the_factor_times_it_in_every_matrix_and_in_nothing_else(
        TinyModel tiny, byte tenths)
    {
        using var models = new ThreeModels(tiny);
        double factor = tenths / 10.0;
        models.Apply(Lox(factor: factor));
        foreach (var parameter in models.Model.Network.Parameters)
        {
            string name = parameter.Name;
            double[] found = TinyRun<double>.Values(parameter.Value);
            for (int i = 0; i < found.Length; i++)
            {
                double moved =
                    parameter.Dimensions.Count == 2 ? models.AtAlignment[name][i] - models.Before[name][i] : 0;
                Assert.Equal(models.Tuned[name][i] + (factor * moved), found[i], Tolerance * (1 + factor));
            }
        }
    }

    /// <summary>
    /// No matrix of rank k is nearer to V, by Eckart and Young; which one it is does not matter where two are as near.
    /// </summary>
    [Property]
    public void Lox_adds_a_best_approximation_of_its_rank(TinyModel tiny, byte rank)
    {
        const double Factor = 0.5;
        using var models = new ThreeModels(tiny);
        int k = 1 + (rank % 4);
        models.Apply(Lox(k, Factor));
        var after = ThreeModels.Weights(models.Model);
        foreach (var layer in models.Model.Network.Linears)
        {
            double[,] v = ThreeModels.Difference(models.AtAlignment, models.Before, layer);
            double[,] added = ThreeModels.Difference(after, models.Tuned, layer);
            double[,] approximation = added.Plus((1 / Factor) - 1, added), rest = v.Plus(-1, approximation);
            double[] singular = v.SingularValues(), of = approximation.SingularValues();
            double least = singular.Skip(k).Sum(each => each * each), all = v.Inner(v);
            Assert.Equal(least, rest.Inner(rest), SubspaceTolerance * all);
            // the root of what rounding leaves in the squares
            Assert.All(of.Skip(k), value => Assert.InRange(value, 0, 1e-7 * singular[0]));
        }
    }

    [Property]
    public void Safe_lora_is_its_equation_and_projects_the_layers_with_the_lowest_cosines(TinyModel tiny, byte number)
    {
        using var models = new ThreeModels(tiny);
        var layers = models.Model.Network.Linears;
        int count = number % (layers.Count + 1);
        var expected = layers.Select(layer =>
        {
            double[,] v = ThreeModels.Difference(models.AtAlignment, models.Before, layer);
            double[,] d = ThreeModels.Difference(models.Tuned, models.AtAlignment, layer);
            double[,] along = v.Times(v.Transposed()).Times(d);
            return (Layer: layer, Norm: v.Norm(), Along: along, Cosine: along.Inner(d) / (along.Norm() * d.Norm()));
        }).OrderBy(each => each.Cosine).ToArray();
        models.Apply(SafeLora(count));
        var after = ThreeModels.Weights(models.Model);
        foreach (var (i, each) in expected.Index())
        {
            double[,] change = ThreeModels.Difference(after, models.AtAlignment, each.Layer);
            double[,] projected = i < count
                ? each.Along.Plus((1 / each.Norm) - 1, each.Along)
                : ThreeModels.Difference(models.Tuned, models.AtAlignment, each.Layer);
            Assert.InRange(change.Plus(-1, projected).Norm(), 0, Tolerance * (1 + projected.Norm()));
        }

        models.Reset();
        double threshold = expected[count / 2].Cosine;
        models.Apply(SafeLora(threshold: threshold + 1e-9));                                     // between two cosines
        after = ThreeModels.Weights(models.Model);
        foreach (var each in expected)
            Assert.Equal(
                each.Cosine <= threshold + 1e-9, ThreeModels.Difference(after, models.Tuned, each.Layer).Norm() > 0);
    }

    /// <summary>With a rank, C is symmetric and C C = C; what is taken away is orthogonal to what is left.</summary>
    [Property]
    public void With_a_rank_safe_lora_is_an_orthogonal_projection_onto_the_leading_directions(TinyModel tiny, byte rank)
    {
        int k = 1 + (rank % 3);
        using var models = new ThreeModels(tiny);
        models.Apply(SafeLora(rank: k));
        var once = ThreeModels.Weights(models.Model);
        models.Apply(SafeLora(rank: k));
        var twice = ThreeModels.Weights(models.Model);
        foreach (var layer in models.Model.Network.Linears)
        {
            double[,] d = ThreeModels.Difference(models.Tuned, models.AtAlignment, layer);
            double[,] kept = ThreeModels.Difference(once, models.AtAlignment, layer), taken = d.Plus(-1, kept);
            Assert.Equal(0, kept.Inner(taken), Tolerance * d.Inner(d));
            Assert.InRange(ThreeModels.Difference(twice, once, layer).Norm(), 0, Tolerance * d.Norm());
            Assert.All(kept.SingularValues().Skip(k), value => Assert.InRange(value, 0, 1e-7 * d.Norm()));
        }
    }

    /// <summary>
    /// Onto all of V's directions, an update that lies in them is left as it is: the alignment's own, gone on with.
    /// </summary>
    [Property]
    public void With_all_ranks_what_goes_on_with_the_alignment_stays(TinyModel tiny)
    {
        using var models = new ThreeModels(tiny);
        foreach (string name in models.Tuned.Keys.ToArray())
            models.Tuned[name] = [.. models.AtAlignment[name].Zip(
                models.Before[name], (aligned, before) => aligned + (0.7 * (aligned - before)))];
        models.Reset();
        models.Apply(SafeLora(rank: 1000));
        foreach (var (name, values) in ThreeModels.Weights(models.Model))
            for (int i = 0; i < values.Length; i++)
                Assert.Equal(models.Tuned[name][i], values[i], Tolerance);
    }

    [Fact]
    public void As_released_layers_that_share_the_last_place_are_projected_together()
    {
        var tiny = new TinyModel(Family.Llama, false, 2, 1, 2, 4, 17, new(6, 5, 4), Seed: 21);
        using var models = new ThreeModels(tiny);
        foreach (var weights in (Dictionary<string, double[]>[])[models.Before, models.AtAlignment, models.Tuned])
            foreach (string name in weights.Keys.Where(name => name.Contains(".layers.1.", StringComparison.Ordinal))
                .ToArray())
                weights[name] = weights[name.Replace(".layers.1.", ".layers.0.", StringComparison.Ordinal)];
        models.Reset();
        Assert.Equal(1, models.Apply(SafeLora(1)).Tensors);
        models.Reset();
        Assert.Equal(2, models.Apply(SafeLora(1, variant: Variant.AsReleased)).Tensors);
    }

    [Fact]
    public void A_layer_that_one_of_the_two_did_not_move_is_left_alone()
    {
        var tiny = new TinyModel(Family.Llama, false, 2, 1, 2, 4, 17, new(6, 5, 4), Seed: 21);
        using var models = new ThreeModels(tiny);
        string[] names = [.. models.Model.Network.Linears.Select(layer => layer.Weight.Name)];
        models.AtAlignment[names[0]] = models.Before[names[0]];
        models.Tuned[names[1]] = models.AtAlignment[names[1]];
        models.Reset();
        Assert.Equal(names.Length - 2, models.Apply(SafeLora()).Tensors);
    }

    [Property]
    public void Antidote_masks_the_highest_scores_of_each_output(TinyModel tiny, byte tenths)
    {
        double ratio = (tenths % 11) / 10.0;
        using var models = new ThreeModels(tiny);
        var inputs = Inputs(models.Model, tiny.Sequences);
        models.Apply(Antidote(ratio));
        var after = ThreeModels.Weights(models.Model);
        foreach (var layer in models.Model.Network.Linears)
        {
            double[,] was = ThreeModels.Matrix(models.Tuned, layer), now = ThreeModels.Matrix(after, layer);
            int kept = (int)Math.Floor((1 - ratio) * layer.Inputs);
            for (int i = 0; i < layer.Outputs; i++)
            {
                double[] scores = [.. Enumerable.Range(0, layer.Inputs)
                    .Select(j => Math.Abs(was[i, j]) * Math.Sqrt(inputs[layer][j]))];
                double[] order = [.. scores.Order()];
                for (int j = 0; j < layer.Inputs; j++)
                {
                    bool masked = now[i, j] == 0;
                    Assert.True(masked || now[i, j] == was[i, j]);
                    double gap = Tolerance * (1 + order[^1]);
                    Assert.True(masked ? kept < order.Length && scores[j] >= order[kept] - gap : kept > 0 && scores[j] <= order[kept - 1] + gap);
                }

                Assert.Equal(layer.Inputs - kept, Enumerable.Range(0, layer.Inputs).Count(j => now[i, j] == 0));
            }
        }

        Assert.All(models.Model.Network.Linears, layer => Assert.Null(layer.Watch));
        Assert.All(
            after.Where(each => models.Model.Network.Linears.All(layer => layer.Weight.Name != each.Key)),
            each => Assert.Equal(models.Tuned[each.Key], each.Value));
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        var tiny = new TinyModel(Family.Gpt2, false, 2, 1, 2, 8, 300, new(16, 15, 14), Seed: 21);
        Dictionary<string, double[]> Edited(EditStageOptions edit, int threads)
        {
            using var models = new ThreeModels(tiny, threads);
            models.Apply(edit);
            return ThreeModels.Weights(models.Model);
        }

        foreach (var edit in (EditStageOptions[])[Lox(2), SafeLora(3), SafeLora(rank: 2), Antidote(0.2)])
            Assert.Equal(Edited(edit, 1), Edited(edit, 3));
    }

    /// <summary>The mean squares of what goes into each layer, one sequence at a time, by hand.</summary>
    private static Dictionary<LinearLayer<double>, double[]> Inputs(
        Model<double> model, IReadOnlyList<TokenSequence> rows)
    {
        var sums = model.Network.Linears.ToDictionary(layer => layer, layer => new double[layer.Inputs]);
        using var tape = new Core.Tape<double>(model.Device);
        foreach (var row in rows)
        {
            foreach (var layer in model.Network.Linears)
                layer.Watch = x =>
                {
                    double[] values = TinyRun<double>.Values(x.Value);
                    for (int at = 0; at < values.Length; at++)
                        sums[layer][at % layer.Inputs] += values[at] * values[at] / rows
                            .Sum(each => each.Tokens.Length);
                };
            model.Network.Forward(new(tape, new Core.NoTap<double>()), PackedBatch.Pack([row]));
            tape.Clear();
        }

        foreach (var layer in model.Network.Linears)
            layer.Watch = null;
        return sums;
    }
}
