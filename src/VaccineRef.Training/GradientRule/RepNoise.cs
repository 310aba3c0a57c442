using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of RepNoise; the defaults are those of its release.</summary>
/// <param name="Alpha">The weight of the ascent on harmful data, at least 0.</param>
/// <param name="Beta">The weight of the noise, at least 0.</param>
/// <param name="Sites">Which hidden embeddings are driven to noise; MLP outputs unless said otherwise.</param>
public sealed record RepNoiseOptions(double Alpha = 1, double Beta = 0.001, IReadOnlyList<SiteKind>? Sites = null)
    : RuleOptions
{
    /// <summary>Whether the harmful data is looked at.</summary>
    internal bool IsOn => Alpha > 0 || Beta > 0;

    /// <inheritdoc/>
    public override string Label() =>
        $"RepNoise, alpha = {NumberText.Of(Alpha)}, beta = {NumberText.Of(Beta)}{SitesText.Of(Sites)}";

    /// <inheritdoc/>
    public override PassCount Passes() => IsOn ? new(2, 2) : new(1, 1);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Harmful];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new RepNoise<T>(this);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Alpha, $"{path}.alpha", "alpha is no weight");
        RequireFinite(Beta, $"{path}.beta", "beta is no weight");
    }
}

/// <summary>
/// Representation noising: trains on the stage's data, away from harmful data, and makes what harmful answers look like
/// inside the model look like noise. Two forward and two reverse passes, and as many more heads as there are layers.
/// <code>
/// g = d/dw ( f - alpha log(S + 1) + beta mean over sites of MMD(e_l, N(0, I)) )
/// </code>
/// f is that of the stage's batch; S is the mean loss of the layers on a batch of the stream "harmful"
/// (<see cref="LayerwiseCrossEntropy{T}"/>), and e_l are the embeddings of that batch at the tokens of the answers that
/// predict another (<see cref="NoiseDiscrepancy"/>). The release takes, in rows that are paired with harmless ones of
/// the same prompt, the tokens that differ. MMD and its slope are computed on the host. Source: Rosati et al., NeurIPS
/// 2024, arXiv 2405.14577; domenicrosati/representation-noising, loss.py (03689ff), whose parentheses make it S / n +
/// 1.
/// </summary>
public sealed class RepNoise<T> : IGradientRule<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly RepNoiseOptions _options;
    private readonly WeightedSquaredDistance<T> _form = new();
    private readonly Mean<T> _mean = new();

    /// <summary>Prepares the rule.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public RepNoise(RepNoiseOptions options)
    {
        options.Validate("rule");
        _options = options;
    }

    /// <inheritdoc/>
    public string Name => "rep_noise";

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        var harmful = state.Next(StreamName.Harmful);
        double loss = state.Descend(objective, batch, state.Pass(new NoTap<T>()), scale);
        if (!_options.IsOn)
            return new(loss);
        var record = new Record<T>(_options.Sites ?? [SiteKind.MlpOutput]);
        double layers = state.Loss(
            objective.Layerwise, harmful, state.Pass(record, DropoutMasks.OtherBatch), out var sum);
        SitePass.RequireSites(record);
        // the slope of -alpha log(S + 1)
        var total = state.Tape.Apply(new Scale<T>(-_options.Alpha / (layers + 1)), [sum]);
        double discrepancy = 0;
        for (int i = 0; i < record.Sites.Count && _options.Beta > 0; i++)
            discrepancy += Noise(record.Hidden[i], harmful, state, i, _options.Beta / record.Sites.Count, ref total)
                / record.Sites.Count;
        state.Descend(total, scale, "the loss on harmful data", harmful);
        return new(loss)
        {
            Scalars = new Dictionary<string, double> { ["harmful_loss"] = layers, ["noise_discrepancy"] = discrepancy },
        };
    }

    /// <summary>Adds a term with the slope of the discrepancy at one site.</summary>
    /// <returns>The discrepancy.</returns>
    private double Noise(
        Tensor<T> hidden, PackedBatch batch, TrainState<T> state, int site, double weight, ref Tensor<T> total)
    {
        var (tape, columns) = (state.Tape, hidden.Shape.Columns);
        var random = state.Draws("representation noise").At(state.MicroBatch).At(site);
        double[][] values = Read(tape, hidden), slope = [.. values.Select(_ => new double[columns])];
        double found = NoiseDiscrepancy.Measure(
            batch, Answers(batch), values, NoiseDiscrepancy.Noise(batch, columns, random), slope);
        // sum of G e, as sum of e (sqrt(G) - 0)^2 over the positive part of G less that over the negative one
        foreach (int sign in (int[])[1, -1])
        {
            var root = tape.Zeros(hidden.Shape);
            T Root(double each) => T.CreateChecked(Math.Sqrt(Math.Max(0, sign * each)));
            tape.Device.Upload<T>([.. slope.SelectMany(row => row.Select(Root))], root.Value);
            var part = tape.Apply(_mean, [tape.Apply(_form, [root, tape.Zeros(hidden.Shape), hidden])]);
            total = tape.Apply(new Add<T>(sign * weight * batch.Rows), [total, part]);
        }

        return found;
    }

    /// <summary>The tokens of answers that predict another.</summary>
    private static int[] Answers(PackedBatch batch) =>
    [
        .. batch.CountedRows
            .Where(row => !batch.Offsets.Contains(row) && batch.Targets[row - 1] != PackedBatch.Ignored),
    ];

    private static double[][] Read(Tape<T> tape, Tensor<T> hidden)
    {
        var read = new T[hidden.Shape.Columns];
        double[] Row(int row)
        {
            tape.Device.Download(hidden.Value.SliceRows(row, 1), read.AsSpan());
            return Array.ConvertAll(read, double.CreateChecked);
        }

        return [.. Enumerable.Range(0, hidden.Shape.Rows).Select(Row)];
    }
}
