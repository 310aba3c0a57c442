using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of Surgery; the default is that of its script.</summary>
/// <param name="Alpha">The weight of the divergence, at least 0; at 0 the rule is the plain one.</param>
public sealed record SurgeryOptions(double Alpha = 300) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => $"Surgery, alpha = {NumberText.Of(Alpha)}";

    /// <inheritdoc/>
    public override PassCount Passes() => Alpha > 0 ? new(3, 2) : new(1, 1);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Harmful, StreamName.Alignment];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Surgery<T>(this);

    /// <inheritdoc/>
    public override void Validate(string path) => RequireFinite(Alpha, $"{path}.alpha", "alpha is no weight");
}

/// <summary>
/// Fine-tuning that keeps every attention head from attending to the first token more on harmful texts than on safe
/// ones.
/// <code>
/// g = d/dw ( f + alpha mean over l, h of max(0, s_lh(harmful) - s_lh(safe)) )
/// s_lh = mean over the queries i &gt;= 1 of the attention that head h of block l pays to the first token
/// (<see cref="AttentionSinks{T}"/>)
/// </code>
/// f is that of the stage's batch. The harmful texts are a batch of the stream "harmful" and the safe ones a batch of
/// the stream "alignment", of one text each in the release. Three forward and two reverse passes, and one more
/// attention in every block of two of the forward passes. Source: Liu et al., arXiv 2602.05228; Lslland/Surgery,
/// trainer.py (ea5f29f), from the formula alone.
/// </summary>
public sealed class Surgery<T> : IGradientRule<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly SurgeryOptions _options;
    private readonly Add<T> _difference = new(-1), _sum = new();
    private readonly Relu<T> _positive = new();
    private readonly Mean<T> _mean = new();

    /// <summary>Prepares the rule.</summary>
    /// <exception cref="InputException">alpha is negative or not finite.</exception>
    public Surgery(SurgeryOptions options)
    {
        options.Validate("rule");
        _options = options;
    }

    /// <inheritdoc/>
    public string Name => "surgery";

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        PackedBatch harmful = state.Next(StreamName.Harmful), safe = state.Next(StreamName.Alignment);
        double loss = state.Descend(objective, batch, state.Pass(new NoTap<T>()), scale);
        if (_options.Alpha == 0)
            return new(loss);
        var divergence = Divergence(
            state.Tape, Sinks(state, objective, harmful, DropoutMasks.OtherBatch),
            Sinks(state, objective, safe, DropoutMasks.OtherBatch + 1));
        return new(loss)
        {
            Scalars = new Dictionary<string, double>
            {
                ["sink_divergence"] = state.Descend(
                    divergence, _options.Alpha * scale, "the divergence of the attention sinks", harmful),
            },
        };
    }

    private static AttentionSinks<T> Sinks(TrainState<T> state, IObjective<T> objective, PackedBatch texts, int pass)
    {
        var sinks = new AttentionSinks<T>(texts);
        state.Hidden(objective, texts, state.Pass(sinks, pass), [0]);
        return sinks.Sinks.Count > 0 ? sinks : throw new InputException(
            "the model does not show its attention, which the rule looks at", "rule", "surgery",
            "a model whose blocks have attention");
    }

    // Columns that stand for no head are 0 in both and add nothing.
    private Tensor<T> Divergence(Tape<T> tape, AttentionSinks<T> harmful, AttentionSinks<T> safe)
    {
        Tensor<T> Of(int layer) => tape.Apply(
            _mean, [tape.Apply(_positive, [tape.Apply(_difference, [harmful.Sinks[layer], safe.Sinks[layer]])])]);
        int layers = harmful.Sinks.Count;
        var total = Enumerable.Range(1, layers - 1).Aggregate(
            Of(0), (sum, layer) => tape.Apply(_sum, [sum, Of(layer)]));
        return tape.Apply(new Scale<T>((double)harmful.HeadSize / layers), [total]);
    }
}
