using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Kernels;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Edits;

/// <summary>
/// Safe LoRA: projects what fine-tuning did to a linear layer onto the directions in which the alignment had moved it,
/// where the two have little in common.
/// <code>
/// V = W_aligned - W_base,   D = W - W_aligned,   C = V V' / ||V||   or, with a rank k, C = U_k U_k' of V
/// cos = &lt;C D, D> / (||C D|| ||D||);   W &lt;- W_aligned + C D for the layers with the lowest cos, or with cos at
/// most the threshold
/// </code>
/// Layers that the alignment or the fine-tuning did not move have no cosine and stay as they are. D is scaling B A of
/// an adapter that was merged; full fine-tuning is projected alike. Source: arXiv 2405.16833; IBM/SafeLoRA, model.py,
/// which projects B in the place of B A: the same, since C stands on the left. Its C is no projector: C C is not C.
/// With a rank it is one.
/// </summary>
public sealed record SafeLoraOptions : EditStageOptions
{
    private const int Decimals = 5;                     // to which the release rounds cosines

    /// <summary>The stage before the alignment; "model" for the model as it is given.</summary>
    public required string Base { get; init; }

    /// <summary>The stage that aligned the model, with which the fine-tuning began.</summary>
    public required string Aligned { get; init; }

    /// <summary>How many layers are projected, those with the lowest cosines; at 0 none is.</summary>
    public int Layers { get; set; } = 10;

    /// <summary>
    /// Projects every layer whose cosine is at most this, instead of a number of layers; the release proposes 0.5.
    /// </summary>
    public double? Threshold { get; set; }

    /// <summary>
    /// k of the orthogonal projector onto V's leading k left singular vectors; 0 for the release's V V' / ||V||.
    /// </summary>
    public int Rank { get; set; }

    /// <summary>
    /// As released, cosines are rounded to five decimals, and all that share the last place are projected.
    /// </summary>
    public Variant Variant { get; set; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> References() => [Base, Aligned];

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        if (Layers < 0)
            throw RecipeException.OutOfRange($"{path}.layers", Layers, "at least 0");
        if (Threshold is not (null or >= -1 and <= 1))
            throw RecipeException.OutOfRange($"{path}.threshold", Threshold.Value, "between -1 and 1");
        if (Rank < 0)
            throw RecipeException.OutOfRange($"{path}.rank", Rank, "at least 1, or 0 for the release's matrix");
    }

    /// <inheritdoc/>
    public override void Apply<T>(EditContext<T> context)
    {
        var (before, aligned) = (context.At(Base), context.At(Aligned));
        using var memory = new Arena(context.Device);
        using var tape = new Tape<T>(context.Device);
        Projected<T> Look(LinearLayer<T> layer)
        {
            memory.Rewind();
            tape.Clear();
            var start = WeightDifference.Of(aligned, layer.Weight).Value;
            var direction = WeightDifference.Take(memory, start, WeightDifference.Of(before, layer.Weight).Value);
            var moved = WeightDifference.Take(memory, layer.Weight.Value, start);
            return new(start, moved, Project(tape, direction, moved, layer.Layout));
        }

        var layers = context.Model.Network.Linears
            .Select(layer => (Layer: layer, Cosine: Look(layer).Cosine(context.Device)));
        foreach (var layer in Chosen([.. layers.Where(each => double.IsFinite(each.Cosine))]))
        {
            var found = Look(layer);
            context.Change(layer.Weight, weight =>
            {
                context.Device.Copy(found.Start, weight);
                context.Device.Run(new AddScaled<T>(1), found.Along, weight);
            });
        }
    }

    private LinearLayer<T>[] Chosen<T>((LinearLayer<T> Layer, double Cosine)[] layers)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        double Shown(double cosine) => Variant == Variant.AsReleased ? Math.Round(cosine, Decimals) : cosine;
        if (Threshold is { } most)
            return [.. layers.Where(each => Shown(each.Cosine) <= most).Select(each => each.Layer)];
        var lowest = layers.OrderBy(each => Shown(each.Cosine)).ToArray();
        int count = Math.Min(Layers, lowest.Length);
        while (Variant == Variant.AsReleased && count > 0 && count < lowest.Length
            && Shown(lowest[count].Cosine) == Shown(lowest[count - 1].Cosine))
            count++;
        return [.. lowest.Take(count).Select(each => each.Layer)];
    }

    /// <summary>C D, where a weight that is stored (in, out) is the transpose of what the equations mean.</summary>
    private View<T> Project<T>(Tape<T> tape, View<T> direction, View<T> moved, WeightLayout layout)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Linear<T> times = new(WeightLayout.InOut), timesTransposed = new();
        bool lies = layout == WeightLayout.OutIn;
        var (v, d) = (tape.Constant(direction), tape.Constant(moved));
        if (Rank == 0)
        {
            double norm = Math.Sqrt(tape.Device.Run(new SquaredNorm<T>(), direction));
            var along = lies
                ? tape.Apply(times, [tape.Apply(timesTransposed, [v, v]), d])                              // (V V') D
                : tape.Apply(times, [tape.Apply(timesTransposed, [d, v]), v]);                             // D' = (D V') V, stored
            tape.Device.Run(new ScaleInPlace<T>(norm > 0 ? 1 / norm : 0), along.Value);
            return along.Value;
        }

        double[][] directions = LeadingDirections.Of(direction, Rank, tape.Device, layout);
        if (directions.Length == 0)
            return tape.Zeros(moved.Shape).Value;
        // U', (k, out)
        var rows = LeadingDirections.Place(tape, directions);
        if (!lies)
            return tape.Apply(times, [tape.Apply(timesTransposed, [d, rows]), rows]).Value;                // (D U) U', stored
        var columns = LeadingDirections.Place(tape, LeadingDirections.Transposed(directions));
        return tape.Apply(times, [columns, tape.Apply(times, [rows, d])]).Value;                           // U (U' D)
    }

    /// <summary>A layer's weight at the alignment, what fine-tuning added to it, and the projection of that.</summary>
    private readonly record struct Projected<T>(View<T> Start, View<T> Moved, View<T> Along)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        /// <summary>NaN where one of them has no length.</summary>
        public double Cosine(Device device)
        {
            var norm = new SquaredNorm<T>();
            return device.Run(new Dot<T>(), Along, Moved) / Math.Sqrt(
                device.Run(norm, Along) * device.Run(norm, Moved));
        }
    }
}
