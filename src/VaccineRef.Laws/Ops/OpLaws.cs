using VaccineRef.Core;

namespace VaccineRef.Laws;

/// <summary>An op and the device that it runs on.</summary>
/// <param name="Op">The op's case.</param>
/// <param name="Device">The device.</param>
public sealed record OpTrial(OpCase Op, Device Device);

/// <summary>
/// The laws of every differentiable op, on any device. An op that is defined elsewhere gets all of them in one line:
/// <code>
/// OpLaws.Check(new OpCase(
///     "Softplus", _ => new Softplus&lt;float>(), _ => new Softplus&lt;double>(), s => [new(s.N, s.C)]));
/// </code>
/// </summary>
public static class OpLaws
{
    // A GPU of the simulator is slow: every thread of a group is one of the operating system.
    private const int FewerOnGpu = 20, MostColumnsOnGpu = 20;

    /// <summary>The laws.</summary>
    public static IReadOnlyList<Law<OpTrial, Sizes>> All { get; } =
    [
        Law("transposed derivative", "backward is the transposed derivative: finite differences say the same",
            DerivativeLaws.TransposedDerivative),
        Law("linear in dy", "backward is linear in dy", DerivativeLaws.LinearInDy),
        Law("adds", "backward adds to the gradient that is there", DerivativeLaws.Adds),
        Law("only its outputs", "all of the output is written, and nothing beyond it or among the inputs",
            BehaviourLaws.OnlyItsOutputs),
        Law("unwanted gradient", "a gradient that nobody wants is skipped, and the others stay the same",
            DerivativeLaws.Unwanted),
        Law("float", "float equals double within the stated bound", PrecisionLaws.Float),
        Law("device", "a device equals the processor within the stated bound", PrecisionLaws.OnDevice, most: 80),
        Law("threads", "one thread and many give the same bits", BehaviourLaws.Threads, most: 6),
        Law("wrong shapes", "shapes that do not fit are named", BehaviourLaws.WrongShapes),
        Law("scalar oracle", "the equation, differentiated scalar by scalar, gives the same",
            PrecisionLaws.Oracle, most: 15),
        Law("reads", "backward reads no more values than the op says", BehaviourLaws.ReadsNoMore, most: 10),
        Law("overwrites", "what backward writes is what it adds to zero", BehaviourLaws.Overwrites, most: 10),
    ];

    /// <summary>The law of this name.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static Law<OpTrial, Sizes> Named(string name) => All.FirstOrDefault(law => law.Name == name)
        ?? throw new InputException(
            "there is no such law of ops", "law", name, string.Join(", ", All.Select(law => law.Name)));

    /// <summary>Checks every law on an op.</summary>
    /// <param name="op">The op.</param>
    /// <param name="device">Where it runs; the processor, on one thread, unless said otherwise.</param>
    /// <param name="options">Seed and number of cases.</param>
    /// <returns>What was checked, and what was not because the op or the device does not offer it.</returns>
    /// <exception cref="LawException">A law is broken. The message has the seed and the smallest case.</exception>
    public static IReadOnlyList<LawResult> Check(OpCase op, Device? device = null, LawOptions? options = null) =>
        LawException.ThrowIfBroken([.. Run(op, device, options)]);

    /// <summary>Checks every law on an op, and throws nothing where one is broken.</summary>
    /// <inheritdoc cref="Check" path="/param"/>
    public static IEnumerable<LawResult> Run(OpCase op, Device? device = null, LawOptions? options = null)
    {
        var at = device ?? new CpuDevice(1);
        using var own = device is null ? at : null;
        foreach (var law in All)
            yield return Run(law, op, at, options);
    }

    /// <summary>Checks one law on an op.</summary>
    public static LawResult Run(Law<OpTrial, Sizes> law, OpCase op, Device device, LawOptions? options = null) =>
        law.Run(new(op, device), op.Name, device is CpuDevice ? options : Fewer(law, options));

    /// <summary>The trial as it fits a device: a GPU gets fewer columns.</summary>
    internal static Sizes Fit(this OpTrial trial, Sizes sizes) => trial.Device is CpuDevice
        ? sizes
        : sizes with { C = 1 + (sizes.C % MostColumnsOnGpu), H = 1 + (sizes.H % MostColumnsOnGpu) };

    private static LawOptions Fewer(Law<OpTrial, Sizes> law, LawOptions? options) =>
        new(options?.Seed, options?.MaxTest ?? Math.Max(1, law.MaxTest / FewerOnGpu));

    private static Law<OpTrial, Sizes> Law(string name, string says, Action<OpTrial, Sizes> check, int most = 40) =>
        new(name, says, most, SizesArbitrary.Sizes(), (trial, sizes) => check(trial, trial.Fit(sizes)));
}
