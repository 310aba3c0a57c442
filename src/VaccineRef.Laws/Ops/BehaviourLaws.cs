using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Laws;

/// <summary>
/// What an op tells the tape is true, it touches nothing but its outputs, and threads change no bit. A tape frees the
/// values that backward does not read during the forward pass, and does not clear a gradient that backward overwrites.
/// </summary>
internal static class BehaviourLaws
{
    private const int Many = 4;

    public static void OnlyItsOutputs(OpTrial trial, Sizes sizes)
    {
        Run(trial.Op.Double(sizes));
        Run(trial.Op.Single(sizes));

        // Every run holds its buffers between sentinels, and checks those and the inputs.
        void Run<T>(Op<T> op) where T : unmanaged, IFloatingPointIeee754<T>
        {
            using var run = new OpRun<T>(trial.Device, op, trial.Op, sizes);
            var x = trial.Op.Inputs(sizes);
            Require.That(!run.Forward(x).Any(double.IsNaN), "an element of y was left unwritten, or is NaN");
            run.Backward(x, DerivativeLaws.Direction(run, sizes, "u"));
        }
    }

    public static void Threads(OpTrial trial, Sizes small)
    {
        if (trial.Device is not CpuDevice)
            throw new NotOfferedException("only the processor has threads to choose from");
        var sizes = small.Enlarged();
        var x = trial.Op.Inputs(sizes);
        using CpuDevice alone = new(1), team = new(Many);
        Same(trial.Op.Single(sizes));
        Same(trial.Op.Double(sizes));

        void Same<T>(Op<T> op) where T : unmanaged, IFloatingPointIeee754<T>
        {
            using var one = new OpRun<T>(alone, op, trial.Op, sizes);
            using var many = new OpRun<T>(team, op, trial.Op, sizes);
            Require.Same(one.Forward(x), many.Forward(x), "y");
            var u = DerivativeLaws.Direction(one, sizes, "u");
            var (expected, found) = (one.Backward(x, u), many.Backward(x, u));
            for (int i = 0; i < x.Length; i++)
                Require.Same(expected[i]!, found[i]!, $"gradient {i}");
        }
    }

    public static void WrongShapes(OpTrial trial, Sizes sizes)
    {
        var op = trial.Op.Double(sizes);
        var shapes = trial.Op.Shapes(sizes);
        int ids = trial.Op.Ids(sizes).Length;
        Refuses([]);
        Refuses([.. Enumerable.Repeat(new Shape(3, 5), 9)]);
        if (shapes.Length > 1)
            Refuses([.. shapes[..^1], shapes[^1] with { Columns = shapes[^1].Columns + 1 }]);

        void Refuses(Shape[] wrong)
        {
            string given = wrong.Length == 0 ? "no input at all" : string.Join(" x ", wrong);
            try
            {
                op.Infer(wrong, ids);
            }
            catch (ShapeException error)
            {
                foreach (string part in (string[])[op.Name, .. wrong.Select(shape => $"{shape}")])
                    Require.That(
                        error.Message.Contains(part, StringComparison.Ordinal),
                        $"the message about {given} does not name {part}: {error.Message}");
                return;
            }

            throw new LawBrokenException($"{given} is accepted");
        }
    }

    public static void ReadsNoMore(OpTrial trial, Sizes sizes)
    {
        var op = trial.Op.Double(sizes);
        using var run = new OpRun<double>(trial.Device, op, trial.Op, sizes);
        var x = trial.Op.Inputs(sizes);
        double[] u = DerivativeLaws.Direction(run, sizes, "u");
        for (int gradient = 0; gradient < x.Length; gradient++)
        {
            run.Forward(x);
            double[]? expected = run.Backward(x, u, wants: i => i == gradient)[gradient];
            double[][] spoiled =
                [.. x.Select((values, i) => op.Reads(i, gradient) ? values : [.. values.Select(_ => double.NaN)])];
            run.Overwrite(spoiled, output: !op.ReadsOutput);
            Require.Same(
                expected!, run.Backward(spoiled, u, wants: i => i == gradient)[gradient]!,
                $"gradient {gradient}, where the values that the op says it does not read are NaN");
        }
    }

    public static void Overwrites(OpTrial trial, Sizes sizes)
    {
        var op = trial.Op.Double(sizes);
        using var run = new OpRun<double>(trial.Device, op, trial.Op, sizes);
        var x = trial.Op.Inputs(sizes);
        double[] u = DerivativeLaws.Direction(run, sizes, "u");
        run.Forward(x);
        double[]?[] added = run.Backward(x, u), written = run.Backward(x, u, writes: op.Overwrites);
        for (int i = 0; i < x.Length; i++)
            Require.Same(added[i]!, written[i]!, $"gradient {i}, written instead of added to 0");
    }
}
