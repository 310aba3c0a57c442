using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Kernels;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Edits;

/// <summary>
/// Safe Delta: goes back to the aligned model, and takes over as many of the changes of the fine-tuning as a budget of
/// safety allows.
/// <code>
/// H = 2/n sum over tokens of x x' + 0.01 mean(diag H) I,   x the inputs of a layer in the aligned model over n safe
/// texts;   H^-1 = U'U a change D_ij = W_ij - W_aligned,ij costs D_ij^2 / U_jj^2
/// taken over: inputs j in the order of 1 / U_jj^2, all outputs of each, while the costs add up to at most strength/2
/// out/4096 mean(1 / U_jj^2) for each input j, in order: W_ij &lt;- that of the fine-tuning where it is taken over, and
/// then all later k of the output
///   W_ik &lt;- W_ik + (W_ij - what it was) U_jk / U_jj                        what compensates for the change best,
/// after Optimal Brain Surgeon
/// </code>
/// The budget is one for each 2048 inputs; the 15 % of each with the greatest 1 / U_jj^2 are never taken over. U is
/// upper triangular. Linear layers alone take part: embeddings, norms, biases and head are those of the aligned model.
/// One forward pass over the data, and on the host a matrix of the size of its inputs, squared, for each layer. Source:
/// Lu et al., "Safe Delta", ICML 2025, arXiv 2505.12038; ColinLu50/SafeDelta, safedelta_runner.py (c30ff4a), from which
/// order, budget and the constants are taken. Among the outputs of one input its order is that of an unstable sort.
/// </summary>
public sealed record SafeDeltaOptions : EditStageOptions
{
    private const int BatchSize = 8;

    /// <summary>The stage that aligned the model, with which the fine-tuning began.</summary>
    public required string Aligned { get; init; }

    /// <summary>Safe data: harmful questions that are refused.</summary>
    public required DataOptions Safe { get; init; }

    /// <summary>The budget; at 0 the model becomes the aligned one.</summary>
    public double Strength { get; set; } = 0.1;

    /// <summary>As released, four inputs at a time do not compensate for each other.</summary>
    public Variant Variant { get; set; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> References() => [Aligned];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, DataOptions> Streams() =>
        new Dictionary<string, DataOptions> { [StreamName.Alignment] = Safe };

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Strength, $"{path}.strength");
        Safe.Validate($"{path}.safe");
    }

    /// <inheritdoc/>
    public override void Apply<T>(EditContext<T> context)
    {
        var aligned = context.At(Aligned);
        var rows = context.Rows(StreamName.Alignment);
        using var inputs = new InputProducts<T>(aligned.Network, context.Device);
        foreach (var batch in rows.Chunk(BatchSize))
            inputs.Add(PackedBatch.Pack(batch));
        var layers = context.Model.Network.Linears.ToDictionary(layer => layer.Weight);
        var from = aligned.Network.Linears.ToDictionary(layer => layer.Weight.Name);
        foreach (var parameter in context.Model.Network.Parameters)
        {
            var start = WeightDifference.Of(aligned, parameter);
            context.Change(parameter, weight =>
            {
                if (layers.TryGetValue(parameter, out var layer))
                    Select(
                        context.Device, layer, start.Value, weight, inputs.Of(from[parameter.Name], 2.0 / rows.Count));
                else
                    context.Device.Copy(start.Value, weight);
            });
        }
    }

    private void Select<T>(Device device, LinearLayer<T> layer, View<T> aligned, View<T> tuned, double[][] products)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        double[][] weights = Read(device, layer, aligned), wanted = Read(device, layer, tuned);
        new DeltaSelection(products, Strength, Variant == Variant.AsReleased ? DeltaSelection.Together : 1).Take(
            weights, wanted);
        var values = new T[tuned.Shape.Count];
        for (int i = 0; i < layer.Outputs; i++)
            for (int j = 0; j < layer.Inputs; j++)
                values[At(layer, i, j)] = T.CreateChecked(weights[i][j]);       // what is taken over, and what nothing compensates for, keeps its bits
        device.Upload<T>(values, tuned);
    }

    /// <summary>A weight on the host, a row for each output.</summary>
    private static double[][] Read<T>(Device device, LinearLayer<T> layer, View<T> weight)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var values = new T[weight.Shape.Count];
        device.Download(weight, values);
        return
        [
            .. Enumerable.Range(0, layer.Outputs).Select(i =>
                Enumerable.Range(0, layer.Inputs).Select(j => double.CreateChecked(values[At(layer, i, j)])).ToArray()),
        ];
    }

    private static int At<T>(LinearLayer<T> layer, int output, int input)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        layer.Layout == WeightLayout.OutIn ? (output * layer.Inputs) + input : (input * layer.Outputs) + output;
}
