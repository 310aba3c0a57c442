using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>A <see cref="TinyModel"/> brought to life: weights, batch, state, and the questions the laws ask.</summary>
public sealed class TinyRun<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Builds it on <paramref name="threads"/> threads.</summary>
    /// <param name="tiny">The trial.</param>
    /// <param name="threads">Threads of the device.</param>
    /// <param name="noise">Added to every weight, so that no norm is 1, no bias 0, and no B of an adapter 0.</param>
    /// <param name="seed">Of dropout and noise in training.</param>
    public TinyRun(TinyModel tiny, int threads = 1, double noise = 0.2, ulong seed = 1)
    {
        Tiny = tiny;
        Device = new CpuDevice(threads);
        Model = LanguageModel.Create<T>(tiny.Config, Device, tiny.Random.At("weights"));
        if (tiny.Adapted)
            Lora.Attach(Model, tiny.Adapter, tiny.Random.At("adapter"));
        foreach (var parameter in Network.Parameters.Concat(Model.Trainable).Distinct())
            AddNoise(parameter, noise);
        State = new TrainState<T>(Device, Model.Trainable, seed);
        Objective = new CrossEntropyObjective<T>(Network);
        Batch = PackedBatch.Pack(tiny.Sequences);
    }

    public TinyModel Tiny { get; }

    public CpuDevice Device { get; }

    public Model<T> Model { get; }

    public ILanguageModel<T> Network => Model.Network;

    public TrainState<T> State { get; }

    public IObjective<T> Objective { get; }

    public PackedBatch Batch { get; }

    /// <summary>The gradients of all trainable parameters, end to end.</summary>
    public double[] Gradient => [.. Model.Trainable.SelectMany(parameter => Values(parameter.Gradient))];

    /// <summary>The trainable parameters, end to end.</summary>
    public double[] Weights
    {
        get => [.. Model.Trainable.SelectMany(parameter => Values(parameter.Value))];
        set
        {
            int next = 0;
            foreach (var parameter in Model.Trainable)
                foreach (ref T element in parameter.Value.Span)
                    element = T.CreateChecked(value[next++]);
        }
    }

    public static double[] Values(View<T> view) => [.. view.Span.ToArray().Select(double.CreateChecked)];

    /// <summary>One whole accumulation, from gradients of zero.</summary>
    public RuleReport Step(IGradientRule<T> rule, PackedBatch? batch = null, IObjective<T>? objective = null, double scale = 1)
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
        var loss = Objective.Loss(new Pass<T>(State.Tape, tap ?? new NoTap<T>()), batch ?? Batch);
        double value = double.CreateChecked(loss.Value.Span[0]);
        State.Tape.Clear();
        return value;
    }

    /// <summary>
    /// dL/de_l at every site of some kinds in a training pass, without the rule: what <c>Perturbation</c> must be a multiple of.
    /// </summary>
    public double[][] SiteGradients(PackedBatch? batch = null, params IReadOnlyCollection<SiteKind> kinds)
    {
        var record = new Record<T>(kinds.Count == 0 ? [SiteKind.AttentionOutput] : kinds);
        var loss = Objective.Loss(new Pass<T>(State.Tape, record, Training: true), batch ?? Batch);
        var gradients = State.Tape.Backward(loss, record.Hidden);
        var values = new double[record.Hidden.Length][];
        for (int site = 0; site < values.Length; site++)
            values[site] = Values(gradients[record.Hidden[site]]);
        State.Tape.Clear();
        return values;
    }

    /// <summary>eps_l of a rule's last step, site by site.</summary>
    public static double[][] Epsilon(Vaccine<T> rule) => [.. rule.Epsilon.Epsilon.Select(Values)];

    public Vaccine<T> Vaccine(
        double rho, PerturbationNorm norm = PerturbationNorm.Batch, PassDropout dropout = PassDropout.Fresh,
        params IReadOnlyCollection<SiteKind> sites) =>
        new(new VaccineOptions(rho, norm, dropout, sites.Count == 0 ? null : [.. sites]), Device);

    public void Dispose()
    {
        State.Dispose();
        Model.Dispose();
        Device.Dispose();
    }

    private void AddNoise(Parameter<T> parameter, double standardDeviation)
    {
        var random = Tiny.Random.At("noise").At(parameter.Name);
        long element = 0;
        foreach (ref T value in parameter.Value.Span)
            value += T.CreateChecked(standardDeviation * random.Normal(element++));
    }
}

/// <summary>c times another objective.</summary>
public sealed class Scaled<T>(IObjective<T> inner, double factor) : IObjective<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Scale<T> _scale = new(factor);

    public string Name => "scaled";

    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch) => pass.Tape.Apply(_scale, [inner.Loss(pass, batch)]);
}

/// <summary>Another objective, with something done before each forward pass, told which one it is, from 1.</summary>
public sealed class Watched<T>(IObjective<T> inner, Action<int, PackedBatch> before) : IObjective<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private int _forward;

    public string Name => "watched";

    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        before(++_forward, batch);
        return inner.Loss(pass, batch);
    }
}
