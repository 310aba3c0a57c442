using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Edits;

/// <summary>
/// Antidote: sets to zero the weights that matter most for harmful data, after fine-tuning.
/// <code>
/// score_ij = |W_ij| sqrt(mean x_j^2), x the inputs of the layer over all tokens of the harmful data
/// W_ij &lt;- 0 for all inputs j of each output i but the floor((1 - ratio) in) with the lowest scores; of equal
/// scores, lower j stays
/// </code>
/// One forward pass over the data; of the linear layers, embeddings and head excepted. Source: arXiv 2408.09600;
/// git-disl/Antidote, utils.py (prune_wanda_outlier), and Wanda's score, arXiv 2306.11695. The release masks the linear
/// layers of an adapter of rank 256 as it stands; here the adapter is merged, and the weights that the model computes
/// with are masked.
/// </summary>
public sealed record AntidoteOptions : EditStageOptions
{
    private const int BatchSize = 8;

    /// <summary>The harmful data that the scores are taken on.</summary>
    public required DataOptions Harmful { get; init; }

    /// <summary>The share of the weights of each output that is set to zero; 0 changes nothing.</summary>
    public double Ratio { get; set; } = 0.1;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, DataOptions> Streams() =>
        new Dictionary<string, DataOptions> { [StreamName.Harmful] = Harmful };

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        if (Ratio is not (>= 0 and <= 1))
            throw RecipeException.OutOfRange($"{path}.ratio", Ratio, "between 0 and 1");
        Harmful.Validate($"{path}.harmful");
    }

    /// <inheritdoc/>
    public override void Apply<T>(EditContext<T> context)
    {
        using var inputs = new InputNorms<T>(context.Model.Network, context.Device);
        foreach (var rows in context.Rows(StreamName.Harmful).Chunk(BatchSize))
            inputs.Add(PackedBatch.Pack(rows));
        foreach (var layer in context.Model.Network.Linears)
        {
            double[] norms = [.. inputs.MeanSquares(layer).Select(Math.Sqrt)];
            context.Change(layer.Weight, weight => Mask(context.Device, layer, weight, norms));
        }
    }

    /// <summary>The inputs that an output loses: all but the floor((1 - ratio) in) with the lowest scores.</summary>
    private IEnumerable<int> Highest(double[] scores) =>
        Enumerable.Range(0, scores.Length).OrderBy(j => scores[j]).Skip((int)Math.Floor((1 - Ratio) * scores.Length));

    private void Mask<T>(Device device, LinearLayer<T> layer, View<T> weight, double[] norms)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var values = new T[weight.Shape.Count];
        device.Download(weight, values);
        bool lies = layer.Layout == Kernels.WeightLayout.OutIn;
        double[] scores = new double[layer.Inputs];
        for (int i = 0; i < layer.Outputs; i++)
        {
            int At(int j) => lies ? (i * layer.Inputs) + j : (j * layer.Outputs) + i;
            for (int j = 0; j < scores.Length; j++)
                scores[j] = Math.Abs(double.CreateChecked(values[At(j)])) * norms[j];
            foreach (int j in Highest(scores))
                values[At(j)] = T.Zero;
        }

        device.Upload<T>(values, weight);
    }
}
