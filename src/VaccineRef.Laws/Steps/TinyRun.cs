using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Laws;

/// <summary>A <see cref="TinyModel"/> brought to life: weights, batch, state, and the questions the laws ask.</summary>
public sealed class TinyRun<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly bool _ownsDevice;

    /// <summary>Builds it on <paramref name="threads"/> threads of the processor.</summary>
    /// <param name="tiny">The trial.</param>
    /// <param name="threads">Threads of the device.</param>
    /// <param name="noise">Added to every weight, so that no norm is 1, no bias 0, and no B of an adapter 0.</param>
    /// <param name="seed">Of dropout and noise in training.</param>
    public TinyRun(TinyModel tiny, int threads = 1, double noise = 0.2, ulong seed = 1)
        : this(tiny, new CpuDevice(threads), noise, seed) => _ownsDevice = true;

    /// <summary>Builds it on a device, which stays the caller's.</summary>
    public TinyRun(TinyModel tiny, Device device, double noise = 0.2, ulong seed = 1)
    {
        Tiny = tiny;
        Device = device;
        Model = LanguageModel.Create<T>(tiny.Config, Device, tiny.Random.At("weights"));
        if (tiny.Adapted)
            Lora.Attach(Model, tiny.Adapter, tiny.Random.At("adapter"));
        foreach (var parameter in Network.Parameters.Concat(Model.Trainable).Distinct())
            AddNoise(parameter, noise);
        State = new TrainState<T>(Device, Model.Trainable, seed) { Streams = Streams };
        Objective = new CrossEntropyObjective<T>(Network);
        Batch = PackedBatch.Pack(tiny.Sequences);
    }

    /// <summary>The trial.</summary>
    public TinyModel Tiny { get; }

    /// <summary>Streams of every name, from their beginning.</summary>
    public IReadOnlyDictionary<string, BatchStream> Streams =>
        new[] { StreamName.Harmful, StreamName.Vulnerable, StreamName.Alignment, StreamName.Task }.ToDictionary(
            name => name, Stream);

    /// <summary>A stream from its beginning, of batches of all its sequences.</summary>
    public BatchStream Stream(string name) => new(Tiny.Other(name), Tiny.Lengths.All.Length, Tiny.Random.At("order"));

    /// <summary>Where everything is.</summary>
    public Device Device { get; }

    /// <summary>The model, with an adapter if the trial has one.</summary>
    public Model<T> Model { get; }

    /// <summary>The transformer.</summary>
    public ILanguageModel<T> Network => Model.Network;

    /// <summary>Tape, gradients and counters.</summary>
    public TrainState<T> State { get; }

    /// <summary>Cross-entropy.</summary>
    public IObjective<T> Objective { get; }

    /// <summary>All sequences of the trial.</summary>
    public PackedBatch Batch { get; }

    /// <summary>The gradients of all trainable parameters, end to end.</summary>
    public double[] Gradient => [.. Model.Trainable.SelectMany(parameter => Read(parameter.Gradient))];

    /// <summary>The trainable parameters, end to end.</summary>
    public double[] Weights
    {
        get => [.. Model.Trainable.SelectMany(parameter => Read(parameter.Value))];
        set
        {
            int next = 0;
            foreach (var parameter in Model.Trainable)
            {
                T[] elements = [.. value.AsSpan(next, (int)parameter.Shape.Count).ToArray().Select(T.CreateChecked)];
                Device.Upload<T>(elements, parameter.Value);
                next += elements.Length;
            }
        }
    }

    /// <summary>The elements of a view in host memory.</summary>
    public static double[] Values(View<T> view) => [.. view.Span.ToArray().Select(double.CreateChecked)];

    /// <summary>The elements of a view on this device.</summary>
    public double[] Read(View<T> view)
    {
        var values = new T[view.Shape.Count];
        Device.Download(view, values);
        return [.. values.Select(double.CreateChecked)];
    }

    /// <summary>One whole accumulation, from gradients of zero.</summary>
    public RuleReport Step(
        IGradientRule<T> rule, PackedBatch? batch = null, IObjective<T>? objective = null, double scale = 1)
    {
        State.BeginStep();
        return rule.Accumulate(objective ?? Objective, batch ?? Batch, State, scale);
    }

    /// <summary>The gradient of one step, from gradients of zero.</summary>
    public double[] GradientOf(IGradientRule<T> rule, PackedBatch? batch = null, double scale = 1)
    {
        Step(rule, batch, scale: scale);
        return Gradient;
    }

    /// <summary>The loss in evaluation under a tap.</summary>
    public double Loss(ITap<T>? tap = null, PackedBatch? batch = null)
    {
        double value = State.Tape.Read(Objective.Loss(new Pass<T>(State.Tape, tap ?? new NoTap<T>()), batch ?? Batch));
        State.Tape.Clear();
        return value;
    }

    /// <summary>
    /// dL/de_l at every site of some kinds in a training pass, without the rule: what <c>Perturbation</c> must be a
    /// multiple of.
    /// </summary>
    public double[][] SiteGradients(PackedBatch? batch = null, params IReadOnlyCollection<SiteKind> kinds)
    {
        var record = new Record<T>(kinds.Count == 0 ? [SiteKind.AttentionOutput] : kinds);
        var loss = Objective.Loss(new Pass<T>(State.Tape, record, Training: true), batch ?? Batch);
        var gradients = State.Tape.Backward(loss, record.Hidden);
        var values = new double[record.Hidden.Length][];
        for (int site = 0; site < values.Length; site++)
            values[site] = Read(gradients[record.Hidden[site]]);
        State.Tape.Clear();
        return values;
    }

    /// <summary>eps_l of a rule's last step, site by site.</summary>
    public static double[][] Epsilon(Vaccine<T> rule) => [.. rule.Epsilon.Epsilon.Select(Values)];

    /// <summary>The rule on this device.</summary>
    public Vaccine<T> Vaccine(
        double rho, PerturbationNorm norm = PerturbationNorm.Batch, PassDropout dropout = PassDropout.Fresh,
        params IReadOnlyCollection<SiteKind> sites) =>
        new(new VaccineOptions(rho, norm, dropout, sites.Count == 0 ? null : [.. sites]), Device);

    /// <inheritdoc/>
    public void Dispose()
    {
        State.Dispose();
        Model.Dispose();
        if (_ownsDevice)
            Device.Dispose();
    }

    private void AddNoise(Parameter<T> parameter, double standardDeviation)
    {
        var random = Tiny.Random.At("noise").At(parameter.Name);
        T[] elements =
            [.. Read(parameter.Value)
                .Select((value, i) => T.CreateChecked(value) + T.CreateChecked(standardDeviation * random.Normal(i)))];
        Device.Upload<T>(elements, parameter.Value);
    }
}
