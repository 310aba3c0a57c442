using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of latent adversarial training; the defaults are those of the released code.</summary>
/// <param name="Epsilon">Radius of the L2 ball of each token at each site, above 0.</param>
/// <param name="Steps">Steps of the adversary.</param>
/// <param name="LearningRate">The adversary's learning rate, at least 0.</param>
/// <param name="Layers">The numbers of the layers that are attacked, from 0; all of them unless said otherwise.</param>
/// <param name="Dropout">Whether all passes of a step share their dropout masks.</param>
/// <param name="Sites">Which hidden embeddings are moved; MLP outputs unless said otherwise.</param>
/// <param name="Targeted">
/// Whether the adversary works for the harmful answers that the stream "harmful" has to prompts of the batch, instead
/// of against the batch's own.
/// </param>
public sealed record LatOptions(
    double Epsilon, int Steps = 16, double LearningRate = 5e-2, IReadOnlyList<int>? Layers = null,
    PassDropout Dropout = PassDropout.Shared, IReadOnlyList<SiteKind>? Sites = null,
    bool Targeted = false) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => string.Concat(
        $"{(Targeted ? "targeted LAT" : "LAT")}, epsilon = {NumberText.Of(Epsilon)}, {Steps} steps of {NumberText.Of(LearningRate)}",
        Layers is null ? "" : $", layers {string.Join('+', Layers)}", SitesText.Of(Sites),
        Dropout.Variation());

    /// <inheritdoc/>
    public override PassCount Passes() => new(Steps + 1, Steps + 1);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => Targeted ? [StreamName.Harmful] : [];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Lat<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        if (Epsilon is not (> 0 and < double.PositiveInfinity))
            throw new InputException(
                "epsilon is not a radius", $"{path}.epsilon", NumberText.Of(Epsilon), "a finite number above 0");
        RequireCount(Steps, $"{path}.steps", "there is no such number of steps");
        RequireFinite(LearningRate, $"{path}.learning_rate", "that is not a learning rate");
        if (Layers is { } layers && (layers.Count == 0 || layers.Any(layer => layer < 0)))
            throw new InputException(
                "there are no such layers", $"{path}.layers", $"[{string.Join(", ", layers)}]",
                "numbers of layers, from 0, at least one");
    }
}

/// <summary>
/// Latent adversarial training: an adversary adds A to the hidden embeddings of the prompts' tokens, each in a ball of
/// its own, and raises the loss for some steps of Adam; then the model is trained against it. One forward and one
/// reverse pass for each of the adversary's steps, and one more of each.
/// <code>
/// A = 0;   K times:  A &lt;- Adam ascent on f with e_l := f_l(.) + A_l;   every token's A_l,t &lt;- A_l,t min(1,
/// epsilon / || A_l,t ||) g = d/dw f with e_l := f_l(.) + A_l
/// targeted: the K steps go down the loss of harmful answers to the batch's prompts, with A at the tokens of the same
/// prompts
/// </code>
/// With a target, sequences whose prompt the stream does not have are trained as they are, and so is a batch without
/// any. A is zero wherever a token is to be predicted: only prompts are attacked. Source: Casper et al., arXiv
/// 2403.05030, for the loss; Sheshadri et al., arXiv 2407.15549, and aengusl/latent-adversarial-training for the
/// target, sites, mask, ball and Adam. AdamW's default decay, which shrinks A by the learning rate / 100 in each step,
/// is left out, and of its losses those that lead away from an answer, whose weight is 0 there unless set.
/// </summary>
public sealed class Lat<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    // torch.optim.AdamW's defaults
    private const double Beta1 = 0.9, Beta2 = 0.999, AdamEpsilon = 1e-8;

    private readonly LatOptions _options;
    private readonly Device _device;
    private readonly Arena _memory;
    private readonly SiteKind[] _kinds;
    private readonly ClipRows<T> _clip;
    private readonly SquaredNorm<T> _squaredNorm = new();
    private View<T>[] _attack = [], _mean = [], _square = [], _shift = [];
    private Partners? _partners;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public Lat(LatOptions options, Device device)
    {
        options.Validate("rule");
        (_options, _device, _memory) = (options, device, new(device));
        _kinds = [.. options.Sites ?? [SiteKind.MlpOutput]];
        _clip = new(options.Epsilon);
    }

    /// <inheritdoc/>
    public string Name => "lat";

    /// <inheritdoc/>
    public long StateBytes =>                                      // Adam's, and with a target A as the adversary has it; as it is added it is the tap's
        (_options.Targeted ? 3 : 2) * Unsafe.SizeOf<T>() * _mean.Sum(view => view.Shape.Count);

    /// <summary>The attacked sites, in the order in which the model reaches them.</summary>
    public IReadOnlyList<Site> Sites { get; private set; } = [];

    /// <summary>A of the last step at each of <see cref="Sites"/>, (N, C). The next step overwrites it.</summary>
    public IReadOnlyList<View<T>> Attack => _shift;

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        double clean = 0;
        (Sites, _shift) = ([], []);
        var partners = _options.Targeted ? (_partners ??= new(state.Require(StreamName.Harmful))).Of(batch) : [];
        if (_options.Targeted && partners.Count == 0)
            return new(state.Descend(objective, batch, state.Pass(new NoTap<T>()), scale));
        var attacked = _options.Targeted ? PackedBatch.Pack([.. partners.Select(partner => partner.Row)]) : batch;
        for (int i = 1; i <= _options.Steps; i++)
        {
            var record =
                new Record<T>(_kinds, site => _options.Layers?.Contains(site.Layer) != false) { ForGradients = true };
            ITap<T> tap = i == 1 ? record : new InTurn<T>(new Shift<T>(Sites, _attack), record);
            int pass = Pass(i - 1) + (_options.Targeted ? DropoutMasks.OtherBatch : 0);
            var (loss, gradients) = SitePass.Ascend(state, objective, attacked, record, tap, pass);
            if (i == 1)
            {
                clean = loss;
                Begin(record);
            }

            Ascend(record, gradients, attacked, i);
            state.Tape.Clear();
        }

        _shift = _options.Targeted ? Moved(partners, attacked, batch.Rows) : _attack;
        double moved = SitePass.Descend(
            state, objective, batch, new Shift<T>(Sites, _shift), scale, Pass(_options.Steps));
        return new(
            moved, _options.Targeted ? null : clean, PerturbationNorm: Math.Sqrt(_device.Run(_squaredNorm, _shift)));
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private int Pass(int number) => _options.Dropout.Pass(number);

    private void Begin(Record<T> record)
    {
        Sites = [.. record.Sites];
        int missing = _options.Layers?.FirstOrDefault(layer => Sites.All(site => site.Layer != layer), -1) ?? -1;
        if (missing >= 0)
            throw new InputException(
                "the model has no such layer", "rule.layers", $"{missing}", "numbers of its layers, from 0");
        Shape[] shapes = new Shape[record.Sites.Count];
        for (int i = 0; i < shapes.Length; i++)
            shapes[i] = record.Hidden[i].Shape;
        _memory.Rewind();
        View<T>[] Zeros() => [.. shapes.Select(shape => _memory.Allocate<T>(shape, clear: true))];
        (_attack, _mean, _square) = (Zeros(), Zeros(), Zeros());
    }

    private void Ascend(Record<T> record, Gradients<T> gradients, PackedBatch batch, int step)
    {
        var adam = new AdamWStep<T>(
            _options.LearningRate, Beta1, Beta2, AdamEpsilon, weightDecay: 0, step, _options.Targeted ? 1 : -1);
        for (int i = 0; i < _attack.Length; i++)
        {
            var gradient = gradients[record.Hidden[i]];
            foreach (var (first, rows) in Answers(batch))
                _device.Clear(gradient.SliceRows(first, rows));
            _device.Run(adam, _attack[i], gradient, _mean[i], _square[i]);
            _device.Run(_clip, _attack[i]);
        }
    }

    /// <summary>What was found for the prompts of the harmful rows, at the same prompts of a batch.</summary>
    private View<T>[] Moved(IReadOnlyList<Partner> partners, PackedBatch from, int rows)
    {
        View<T> Of(View<T> attack)
        {
            var moved = _memory.Allocate<T>(new(rows, attack.Columns), clear: true);
            foreach (var (i, partner) in partners.Index())
                _device.Copy(
                    attack.SliceRows(from.Offsets[i], partner.Prompt), moved.SliceRows(partner.First, partner.Prompt));
            return moved;
        }

        return [.. _attack.Select(Of)];
    }

    /// <summary>Runs of tokens that are to be predicted: everything but the prompts.</summary>
    private static IEnumerable<(int First, int Rows)> Answers(PackedBatch batch)
    {
        for (int row = 1; row < batch.Rows; row++)
        {
            int first = row;
            while (row < batch.Rows && batch.Targets[row - 1] != PackedBatch.Ignored)      // the label of this token
                row++;
            if (row > first)
                yield return (first, row - first);
        }
    }
}
