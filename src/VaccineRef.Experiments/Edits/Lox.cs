using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Kernels;

namespace VaccineRef.Experiments.Edits;

/// <summary>
/// LoX, low-rank extrapolation: goes on in the direction in which alignment moved each matrix, so that fine-tuning has
/// farther to go back.
/// <code>
/// W &lt;- W + factor V_k,   V = W_aligned - W_base,   V_k = U_k U_k' V: V's best approximation of rank k
/// </code>
/// Every matrix takes part, the embedding and a head of its own too. Source: arXiv 2506.15606, the released
/// safety/LoX.py, where rank 0 is the whole of V, as here. It belongs behind an alignment and before the fine-tuning.
/// </summary>
public sealed record LoxOptions : EditStageOptions
{
    /// <summary>The stage before the alignment; "model" for the model as it is given.</summary>
    public required string Base { get; init; }

    /// <summary>The stage that aligned the model.</summary>
    public required string Aligned { get; init; }

    /// <summary>k; 0 for the whole difference.</summary>
    public int Rank { get; set; }

    /// <summary>How far it goes on, as a multiple of what the alignment did; 0 changes nothing.</summary>
    public double Factor { get; set; } = 1;

    /// <inheritdoc/>
    public override IReadOnlyList<string> References() => [Base, Aligned];

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Factor, $"{path}.factor");
        if (Rank < 0)
            throw RecipeException.OutOfRange($"{path}.rank", Rank, "at least 1, or 0 for the whole difference");
    }

    /// <inheritdoc/>
    public override void Apply<T>(EditContext<T> context)
    {
        var (before, aligned) = (context.At(Base), context.At(Aligned));
        using var memory = new Arena(context.Device);
        using var tape = new Tape<T>(context.Device);
        foreach (var parameter in context.Model.Network.Parameters.Where(parameter => parameter.Dimensions.Count == 2))
        {
            memory.Rewind();
            var moved = WeightDifference.Take(
                memory, WeightDifference.Of(aligned, parameter).Value, WeightDifference.Of(before, parameter).Value);
            context.Change(parameter, weight => Extrapolate(tape, moved, weight));
        }
    }

    private void Extrapolate<T>(Tape<T> tape, View<T> moved, View<T> weight)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (Factor == 0)
            return;
        if (Rank == 0 || Rank >= Math.Min(moved.Rows, moved.Columns))
        {
            tape.Device.Run(new AddScaled<T>(Factor), moved, weight);
            return;
        }

        double[][] directions = LeadingDirections.Of(moved, Rank, tape.Device);
        if (directions.Length == 0)
            return;                                                       // the alignment did not move it
        var rows =
            LeadingDirections.Place(tape, directions);                                               // U', (k, out)
        var columns =
            LeadingDirections.Place(tape, LeadingDirections.Transposed(directions));              // U, (out, k)
        var along =
            tape.Apply(new Linear<T>(WeightLayout.InOut), [rows, tape.Constant(moved)]);            // U' V, (k, in)
        tape.Device.Run(new AddProduct<T>(Factor), weight, columns.Value, along.Value);
        tape.Clear();
    }
}
