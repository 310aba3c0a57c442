using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of SBR; the default is that of its release.</summary>
/// <param name="Lambda">The weight of the anchors' term, at least 0; at 0 the rule is the plain one.</param>
public sealed record SbrOptions(double Lambda = 50) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => $"SBR, lambda = {NumberText.Of(Lambda)}";

    /// <inheritdoc/>
    public override PassCount Passes() => Lambda > 0 ? new(2, 2) : new(1, 1);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Harmful];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Sbr<T>(this);

    /// <inheritdoc/>
    public override void Validate(string path) => RequireFinite(Lambda, $"{path}.lambda", "lambda is no weight");
}

/// <summary>
/// Safety bottleneck regularization: fine-tuning that holds what enters the head at the end of a few harmful prompts,
/// from where an answer begins.
/// <code>
/// g = d/dw ( f + lambda mean over prompts p and coordinates c of (h_p - h_p^0)_c^2 )
/// </code>
/// h_p is the last hidden embedding, behind the last norm, at the last token of prompt p; h_p^0 is that of the model as
/// the stage began, without dropout. The prompts are those of the first batch of the stream "harmful", the same in
/// every step; what answers them does not matter. The release has eight prompts. Two forward and two reverse passes,
/// and one number for each coordinate of each prompt. Source: "Safety Anchor", arXiv 2605.05995; soyoaaa/SBR,
/// HFT_SBR.py (188990b), from the formula alone.
/// </summary>
public sealed class Sbr<T> : IGradientRule<T>, IKeepsState<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly SbrOptions _options;
    private readonly SquaredDistance<T> _distance = new();
    private readonly Mean<T> _mean = new();
    private double[] _kept = [];                // h^0, prompt by prompt
    private (PackedBatch Prompts, int[] Rows)? _anchors;

    /// <summary>Prepares the rule.</summary>
    /// <exception cref="InputException">lambda is negative or not finite.</exception>
    public Sbr(SbrOptions options)
    {
        options.Validate("rule");
        _options = options;
    }

    /// <inheritdoc/>
    public string Name => "sbr";

    /// <inheritdoc/>
    public long StateBytes => _kept.LongLength * sizeof(double);

    /// <inheritdoc/>
    public void Survey(IObjective<T> objective, StepBatches batches, TrainState<T> state) =>
        state.Together(() => Remember(objective, state));

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        var (prompts, rows) = Remember(objective, state);
        var tape = state.Tape;
        double loss = state.Descend(objective, batch, state.Pass(new NoTap<T>()), scale);
        if (_options.Lambda == 0)
            return new(loss);
        var hidden = state.Hidden(objective, prompts, state.Pass(new NoTap<T>(), DropoutMasks.OtherBatch), rows);
        var kept = tape.Zeros(hidden.Shape);
        tape.Device.Upload<T>([.. _kept.Select(T.CreateChecked)], kept.Value);
        var mean = tape.Apply(_mean, [tape.Apply(_distance, [hidden, kept])]);
        var term = tape.Apply(new Scale<T>(1.0 / hidden.Shape.Columns), [mean]);
        return new(loss)
        {
            Scalars = new Dictionary<string, double>
            {
                ["anchor_distance"] = state.Descend(
                    term, _options.Lambda * scale, "the distance of the anchors", prompts),
            },
        };
    }

    /// <inheritdoc/>
    public void Exchange(KeptState<T> state) => _kept = state.Part("anchors", _kept);

    /// <summary>The anchors, and where they are as the stage begins.</summary>
    private (PackedBatch Prompts, int[] Rows) Remember(IObjective<T> objective, TrainState<T> state)
    {
        var (prompts, rows) = _anchors ??= Anchors(state.Require(StreamName.Harmful).First());
        if (_kept.Length == 0 && _options.Lambda > 0)
        {
            _kept = Read(state.Tape, state.Hidden(objective, prompts, new(state.Tape, new NoTap<T>()), rows));
            state.Tape.Clear();
        }

        return (prompts, rows);
    }

    /// <summary>The rows at the ends of the prompts: each predicts the first token of its answer.</summary>
    private static (PackedBatch, int[]) Anchors(PackedBatch prompts)
    {
        int[] rows =
        [
            .. Enumerable.Range(0, prompts.Sequences)
                .Select(i => prompts.CountedRows.FirstOrDefault(
                    row => row >= prompts.Offsets[i] && row < prompts.Offsets[i + 1], -1))
                .Where(row => row >= 0),
        ];
        return rows.Length > 0 ? (prompts, rows) : throw new InputException(
            "no prompt of the stream is answered", string.Join(", ", prompts.Ids), "no label that counts",
            "rows with a prompt and an answer");
    }

    private static double[] Read(Tape<T> tape, Tensor<T> hidden)
    {
        var read = new T[hidden.Shape.Count];
        tape.Device.Download(hidden.Value, read.AsSpan());
        return Array.ConvertAll(read, double.CreateChecked);
    }
}
