using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Laws;

/// <summary>A gradient rule and the device that it runs on.</summary>
/// <param name="Rule">The rule's case.</param>
/// <param name="Device">The device.</param>
public sealed record RuleTrial(RuleCase Rule, Device Device);

/// <summary>
/// The laws of every gradient rule, whatever its method. A rule that is defined elsewhere gets all of them in one line:
/// <code>
/// RuleLaws.Check(new RuleCase("sam", new SamOptions(0.1)) { AsPlain = new SamOptions(0) });
/// </code>
/// </summary>
public static class RuleLaws
{
    // Sums of at most some thousand doubles, in another order.
    private const double ReorderTolerance = 1e-12;

    // The terms that a gradient is summed from are of the order of 1, even where they cancel to much less.
    private const double Terms = 1;

    private const double DifferenceTolerance = Numbers.SlopeTolerance;

    // A multiple of every small tau, so that the mean of passes is what the options say.
    private const int Steps = 6;

    // A simulator of a GPU is slow: every thread of a group is one of the operating system.
    private const int FewOnGpu = 1, ShortOnGpu = 3;

    /// <summary>The laws.</summary>
    public static IReadOnlyList<Law<RuleTrial, TinyModel>> All { get; } =
    [
        Law("same bits", "the same seed gives the same gradient and the same report", SameBits),
        Law("accumulation", "micro-batches add up with their scales", Accumulation),
        Law("passes", "a step takes as many passes, on average, as the options say", Passes, most: 2),
        Law("leaves the model alone", "after a step the model computes what it did, and the tape is empty",
            LeavesTheModelAlone),
        Law("plain at zero", "with the settings that switch it off, the rule is the plain one, bit for bit",
            PlainAtZero),
        Law("slope", "the gradient is the slope of the reported loss", Slope),
        Law("report", "the report is finite, and its clean loss is that of the unmoved model", Report),
    ];

    /// <summary>Checks every law on a rule.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="device">Where it runs; the processor, on one thread, unless said otherwise.</param>
    /// <param name="options">Seed and number of cases.</param>
    /// <returns>What was checked, and what was not because it does not apply to the rule.</returns>
    /// <exception cref="LawException">A law is broken. The message has the seed and the smallest case.</exception>
    public static IReadOnlyList<LawResult> Check(RuleCase rule, Device? device = null, LawOptions? options = null) =>
        LawException.ThrowIfBroken([.. Run(rule, device, options)]);

    /// <summary>Checks every law on a rule, and throws nothing where one is broken.</summary>
    /// <inheritdoc cref="Check" path="/param"/>
    public static IEnumerable<LawResult> Run(RuleCase rule, Device? device = null, LawOptions? options = null)
    {
        var at = device ?? new CpuDevice(1);
        using var own = device is null ? at : null;
        foreach (var law in All)
            yield return law.Run(
                new(rule, at), rule.Name, at is CpuDevice ? options : new(options?.Seed, options?.MaxTest ?? FewOnGpu));
    }

    private static Law<RuleTrial, TinyModel> Law(
        string name, string says, Action<RuleTrial, TinyModel> check, int most = 8) =>
        new(name, says, most, TinyModelArbitrary.TinyModel(), (trial, tiny) => check(trial, Fit(trial.Device, tiny)));

    private static TinyModel Fit(Device device, TinyModel tiny) => device is CpuDevice ? tiny : tiny with
    {
        Layers = 1,
        KeyValueHeads = 1,
        HeadSize = 4,
        Lengths = new(Math.Min(tiny.Lengths.First, ShortOnGpu), Math.Min(tiny.Lengths.Second, ShortOnGpu), 0),
    };

    private static void SameBits(RuleTrial trial, TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny with { Dropout = tiny.Adapted ? 0.3 : 0 }, trial.Device);
        var (first, gradient, _) = Step(trial, run, [(run.Batch, 1)]);
        var (again, other, _) = Step(trial, run, [(run.Batch, 1)]);
        Require.Same(gradient, other, "the gradient");
        Require.Same(ValuesOf(first), ValuesOf(again), "the report");
    }

    private static void Accumulation(RuleTrial trial, TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny, trial.Device);
        double[] scales = [.. Enumerable.Range(0, 2).Select(i => (1 + tiny.Random.At("scale").Below(100, i)) / 64.0)];
        var second = PackedBatch.Pack([tiny.Sequences[0]]);
        double[] first = Step(trial, run, [(run.Batch, scales[0]), (null, 0)]).Gradient;
        double[] last = Step(trial, run, [(null, 0), (second, scales[1])]).Gradient;
        double[] both = Step(trial, run, [(run.Batch, scales[0]), (second, scales[1])]).Gradient;
        double most = Terms + first.Norm() + last.Norm();
        Require.Close(
            Numbers.Mix(1, first, 1, last), both, ReorderTolerance * most, "the gradient of two micro-batches");
        double[] whole = Step(trial, run, [(run.Batch, 1)]).Gradient;
        Require.Close(
            Numbers.Mix(scales[0], whole, 0, whole), first, ReorderTolerance * most,
            $"the gradient with scale {scales[0]:R}");
    }

    private static void Passes(RuleTrial trial, TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny, trial.Device);
        var rule = trial.Rule.Options.Make<double>(trial.Device);
        using var owned = rule as IDisposable;
        void Go()
        {
            for (int step = 0; step < Steps; step++)
                run.Step(rule);
        }

        Go();                                                   // what a rule learns in its first step is not counted
        var (forwards, reverses) = (run.State.Forwards, run.State.Tape.Reversed);
        Go();
        var said = trial.Rule.Options.Passes();
        Require.Near(
            said.Forwards * Steps, run.State.Forwards - forwards, ReorderTolerance * Steps,
            $"forward passes of {Steps} steps");
        Require.Near(
            said.Reverses * Steps, run.State.Tape.Reversed - reverses, ReorderTolerance * Steps,
            $"reverse passes of {Steps} steps");
    }

    private static void LeavesTheModelAlone(RuleTrial trial, TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny, trial.Device);
        double before = run.Loss();
        double[] weights = run.Weights;
        long inUse = Step(trial, run, [(run.Batch, 1)]).InUse;
        Require.Same(weights, run.Weights, "the weights after a step");
        Require.Same([before], [run.Loss()], "the loss after a step");
        Require.That(inUse == 0, $"the tape was not cleared: {inUse} bytes of it are in use");
    }

    private static void PlainAtZero(RuleTrial trial, TinyModel tiny)
    {
        var zero = trial.Rule.AsPlain
            ?? throw new NotOfferedException("the rule has no settings at which it is the plain one");
        using var run = new TinyRun<double>(tiny, trial.Device);
        double[] plain = Step(trial with { Rule = new("plain", new PlainOptions()) }, run, [(run.Batch, 1)]).Gradient;
        Require.That(plain.Any(value => value != 0), "the plain gradient is 0");
        Require.Same(
            plain, Step(trial with { Rule = new(trial.Rule.Name, zero) }, run, [(run.Batch, 1)]).Gradient,
            "the gradient");
    }

    private static void Slope(RuleTrial trial, TinyModel tiny)
    {
        if (!trial.Rule.IsSlopeOfItsLoss)
            throw new NotOfferedException("the rule holds what depends on the weights");
        using var run = new TinyRun<double>(tiny, trial.Device);
        double[] weights = run.Weights, gradient = Step(trial, run, [(run.Batch, 1)]).Gradient;
        double[] direction = gradient.Times(1 / Math.Max(gradient.Norm(), 1e-12));
        double At(double distance)
        {
            run.Weights = Numbers.Mix(1, weights, distance, direction);
            return Step(trial, run, [(run.Batch, 1)]).Report.Loss;
        }

        double slope = Numbers.Slope(At);
        Require.Near(
            slope, gradient.Dot(direction), DifferenceTolerance * (Terms + gradient.Norm()),
            "the gradient along itself");
    }

    private static void Report(RuleTrial trial, TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny, trial.Device);
        var report = Step(trial, run, [(run.Batch, 1)]).Report;
        Require.That(ValuesOf(report).All(double.IsFinite), $"{report} has a number that is not finite");
        Require.That(
            report is { PerturbationNorm: >= 0, WeightShift: >= 0, SiteGradientNorm: null or >= 0 },
            $"{report} has a negative norm");
        if (trial.Rule.ChoosesItsData)
            return;
        double clean = run.Loss();
        if (report.CleanLoss is { } said)
            Require.Near(clean, said, ReorderTolerance * (1 + Math.Abs(clean)), "the clean loss");
        if (report is { PerturbationNorm: 0, WeightShift: 0 })
            Require.Near(
                clean, report.Loss, ReorderTolerance * (1 + Math.Abs(clean)), "the loss of a step that moves nothing");
    }

    /// <summary>
    /// The second step of a fresh run: so that a rule that acts in every other one acts. A micro-batch that is null is
    /// passed over, which leaves the next one its number.
    /// </summary>
    private static (RuleReport Report, double[] Gradient, long InUse) Step(
        RuleTrial trial, TinyRun<double> run, (PackedBatch? Batch, double Scale)[] batches)
    {
        var rule = trial.Rule.Options.Make<double>(trial.Device);
        using var owned = rule as IDisposable;
        using var state = new TrainState<double>(trial.Device, run.Model.Trainable, seed: 3) { Streams = run.Streams };
        state.BeginStep();
        state.BeginStep();
        RuleReport report = default;
        foreach (var (batch, scale) in batches)
        {
            if (batch is not null)
                report = rule.Accumulate(run.Objective, batch, state, scale);
            state.NextMicroBatch();
        }

        return (report, run.Gradient, state.Tape.Activations.InUse);
    }

    private static double[] ValuesOf(RuleReport report) =>
    [
        report.Loss, report.CleanLoss ?? 0, report.SiteGradientNorm ?? 0, report.PerturbationNorm, report.WeightShift,
        .. report.Scalars?.Values ?? [],
    ];
}
