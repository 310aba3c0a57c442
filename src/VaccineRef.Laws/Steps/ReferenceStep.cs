using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Laws;

/// <summary>
/// This program's own Vaccine step, in double on any device, behind the interface that the laws take.
/// </summary>
/// <param name="device">The device, which stays the caller's.</param>
/// <param name="make">How the rule is made for a radius; the program's own unless said otherwise.</param>
public sealed class ReferenceStep(Device device, Func<double, IGradientRule<double>>? make = null)
    : IVaccineStep, IDisposable
{
    // Long enough for every family to have something to say, short enough for a simulator.
    private const int LongestSequence = 5, Vocabulary = 13, MostLayers = 3, ShortOnGpu = 2;

    private readonly Func<double, IGradientRule<double>> _make =
        make ?? (rho => new Vaccine<double>(new VaccineOptions(rho), device));
    private TinyRun<double>? _run;
    private LinearObjective<double>? _linear;
    private TrainState<double>? _state;

    /// <summary>The model of every case, where it is not to follow from the case.</summary>
    public TinyModel? Model { get; init; }

    private IObjective<double> Objective => _linear ?? _run!.Objective;

    private TrainState<double> State => _state ?? _run!.State;

    private IReadOnlyList<Parameter<double>> Trainable => State.Trainable;

    /// <inheritdoc/>
    public double[][] Perturb(double[][] gradients, double rho)
    {
        using var room = new Arena(device);
        using var perturbation = new Perturbation<double>(rho, PerturbationNorm.Batch, device);
        perturbation.Fill(
            [.. gradients.Select((_, layer) => new Site(layer, SiteKind.AttentionOutput))],
            [.. gradients.Select(site => Upload(room, site, Shape.Vector(site.Length)))],
            LinearObjective<double>.OneRow);
        return [.. perturbation.Epsilon.Select(Download)];
    }

    /// <inheritdoc/>
    public bool Begin(StepCase drawn)
    {
        Forget();
        if (drawn.Model == StepModel.Linear)
        {
            _linear = new(device, drawn.Random, drawn.Sites, drawn.Columns);
            _state = new(device, _linear.Embeddings, seed: 1);
            return true;
        }

        _run = new(Model ?? Draw(drawn), device);
        return true;
    }

    /// <inheritdoc/>
    public double[][] Gradients(int batch)
    {
        var record = new Record<double>(SiteKind.AttentionOutput);
        var loss = Objective.Loss(new Pass<double>(State.Tape, record, Training: true), Batch(batch));
        var gradients = State.Tape.Backward(loss, record.Hidden);
        var values = new double[record.Hidden.Length][];
        for (int site = 0; site < values.Length; site++)
            values[site] = Download(gradients[record.Hidden[site]]);
        State.Tape.Clear();
        return values;
    }

    /// <inheritdoc/>
    public double? Loss(int batch, double[][] epsilon)
    {
        var packed = Batch(batch);
        using var room = new Arena(device);
        var shift = new Shift<double>(
            [.. epsilon.Select((_, layer) => new Site(layer, SiteKind.AttentionOutput))],
            [.. epsilon.Select(site => Upload(room, site, new(packed.Rows, site.Length / packed.Rows)))]);
        var loss = Objective.Loss(new Pass<double>(State.Tape, shift), packed);
        double value = Download(loss.Value)[0];
        State.Tape.Clear();
        shift.RequireAllApplied();
        return value;
    }

    /// <inheritdoc/>
    public double[] Weights() => [.. Trainable.SelectMany(parameter => Download(parameter.Value))];

    /// <inheritdoc/>
    public void SetWeights(double[] weights)
    {
        int next = 0;
        foreach (var parameter in Trainable)
        {
            device.Upload<double>(weights.AsSpan(next, (int)parameter.Shape.Count), parameter.Value);
            next += (int)parameter.Shape.Count;
        }
    }

    /// <inheritdoc/>
    public StepResult Step(double rho, IReadOnlyList<MicroBatch> batches)
    {
        var rule = _make(rho);
        using var owned = rule as IDisposable;
        var (forwards, reverses) = (State.Forwards, State.Tape.Reversed);
        State.BeginStep();
        foreach (var (batch, scale) in batches)
        {
            rule.Accumulate(Objective, Batch(batch), State, scale);
            State.NextMicroBatch();
        }

        return new(
            [.. Trainable.SelectMany(parameter => Download(parameter.Gradient))],
            (int)(State.Forwards - forwards), (int)(State.Tape.Reversed - reverses));
    }

    /// <inheritdoc/>
    public bool Merge(bool merged)
    {
        if (_run?.Model.Adapter is not { } adapter)
            return false;
        if (merged)
            adapter.Merge();
        else
            adapter.Unmerge();
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => Forget();

    private TinyModel Draw(StepCase drawn)
    {
        var random = drawn.Random.At("model");
        int Below(int bound, int index) => random.Below(bound, index);
        int longest = device is CpuDevice ? LongestSequence : ShortOnGpu, layers = device is CpuDevice ? MostLayers : 1;
        var lengths = new Lengths(2 + Below(longest - 1, 0), Below(longest, 1), 0);
        bool adapted = drawn.Model == StepModel.Adapted || Below(2, 2) == 0;
        return new(
            (Family)Below(3, 3), adapted, Math.Min(drawn.Sites, layers), 1 + Below(2, 4), 1 + Below(2, 5),
            2 * (1 + Below(3, 6)),
            Vocabulary, lengths, drawn.Seed);
    }

    private PackedBatch Batch(int number) => _run is null ? LinearObjective<double>.OneRow
        : number == 0 ? _run.Batch : PackedBatch.Pack([_run.Tiny.Sequences[0]]);

    private View<double> Upload(Arena room, double[] values, Shape shape)
    {
        var view = room.Allocate<double>(shape);
        device.Upload<double>(values, view);
        return view;
    }

    private double[] Download(View<double> view)
    {
        var values = new double[view.Shape.Count];
        device.Download(view, values);
        return values;
    }

    private void Forget()
    {
        _state?.Dispose();
        _linear?.Dispose();
        _run?.Dispose();
        (_state, _linear, _run) = (null, null, null);
    }
}
