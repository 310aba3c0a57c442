using VaccineRef.Core;
using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Training;

/// <summary>AdamW against the equations of torch.optim.AdamW, one number at a time; clipping; who decays.</summary>
[Properties(MaxTest = 50)]
public sealed class AdamWLaws : IDisposable
{
    // About ten roundings of one update, next to terms of the size of the weight and the learning rate.
    private const double UpdateTolerance = 1e-14;

    private const double ClipGuard = 1e-6;      // of torch.nn.utils.clip_grad_norm_

    private readonly CpuDevice _device = new(1);
    private readonly Arena _memory;

    public AdamWLaws() => _memory = new Arena(_device);

    public void Dispose()
    {
        _memory.Dispose();
        _device.Dispose();
    }

    [Property]
    public void Five_steps_are_the_published_equations(ulong seed, byte rate, byte decay, byte beta1, byte beta2, bool clips)
    {
        var options = new AdamWOptions(
            rate / 1000.0, decay / 256.0, beta1 / 256.0, beta2 / 256.0, 1e-8, clips ? 0.5 : 0);
        var random = RandomStream.FromSeed(seed);
        Parameter<double>[] parameters = [Make("matrix", [3, 4], random), Make("vector", [5], random)];
        using var optimizer = new AdamW<double>(parameters, options, _device);
        Oracle[] oracles = [.. parameters.Select(p => new Oracle(TinyRun<double>.Values(p.Value)))];
        for (int step = 1; step <= 5; step++)
        {
            double[][] gradients = [.. parameters.Select(p => Fill(p.Gradient, random.At("gradient").At(step).At(p.Name)))];
            double norm = Math.Sqrt(gradients.Sum(g => g.Dot(g))), factor = 1.0 / step;
            Assert.Equal(norm, optimizer.GradientNorm(), UpdateTolerance * norm);
            Assert.Equal(options.LearningRate * factor, optimizer.Step(step, norm, factor));
            double clip = clips ? Math.Min(1, options.MaxGradientNorm / (norm + ClipGuard)) : 1;
            for (int i = 0; i < parameters.Length; i++)
            {
                double weightDecay = i == 0 ? options.WeightDecay : 0;
                oracles[i].Step(gradients[i], clip, options.LearningRate * factor, weightDecay, options, step);
                double[] found = TinyRun<double>.Values(parameters[i].Value);
                for (int k = 0; k < found.Length; k++)
                    Assert.Equal(oracles[i].Weights[k], found[k], step * UpdateTolerance * (1 + Math.Abs(oracles[i].Weights[k])));
            }
        }
    }

    /// <summary>A parameter that is held has neither step nor decay nor momentum, and the step does not count for it.</summary>
    [Property]
    public void A_step_in_which_a_parameter_is_held_never_was_for_it(ulong seed, byte pattern)
    {
        var options = new AdamWOptions(0.01, 0.1, MaxGradientNorm: 0);
        var random = RandomStream.FromSeed(seed);
        Parameter<double>[] parameters = [Make("matrix", [3, 4], random), Make("vector", [5], random), Make("free", [2, 2], random)];
        using var optimizer = new AdamW<double>(parameters, options, _device);
        Oracle[] oracles = [.. parameters.Select(p => new Oracle(TinyRun<double>.Values(p.Value)))];
        int[] taken = new int[parameters.Length];
        for (int step = 1; step <= 5; step++)
        {
            bool[] held = [(pattern >> step & 1) == 1, (pattern >> (step + 3) & 1) == 1, false];
            double[][] gradients = [.. parameters.Select(p => Fill(p.Gradient, random.At("gradient").At(step).At(p.Name)))];
            double[][] before = [.. parameters.Select(p => TinyRun<double>.Values(p.Value))];
            optimizer.Step(step, optimizer.GradientNorm(), 1, parameter => held[Array.IndexOf(parameters, parameter)]);
            for (int i = 0; i < parameters.Length; i++)
            {
                double[] found = TinyRun<double>.Values(parameters[i].Value);
                if (held[i])
                {
                    Assert.Equal(before[i], found);
                    continue;
                }

                oracles[i].Step(gradients[i], 1, options.LearningRate, i == 1 ? 0 : options.WeightDecay, options, ++taken[i]);
                for (int k = 0; k < found.Length; k++)
                    Assert.Equal(oracles[i].Weights[k], found[k], step * UpdateTolerance * (1 + Math.Abs(oracles[i].Weights[k])));
            }
        }
    }

    /// <summary>
    /// A clipped step is the step of the gradient cut to the largest norm; below that norm nothing is clipped.
    /// </summary>
    [Property]
    public void Clipping_cuts_the_whole_gradient_to_its_norm(ulong seed, byte most)
    {
        double max = (most + 1) / 16.0;
        var random = RandomStream.FromSeed(seed);
        double[] Updated(double clipAt, double scale)
        {
            Parameter<double>[] parameters = [Make("a", [2, 3], random), Make("b", [4], random)];
            using var optimizer = new AdamW<double>(
                parameters, new(LearningRate: 0.1, Epsilon: 0.5, MaxGradientNorm: clipAt), _device);
            foreach (var parameter in parameters)
            {
                Fill(parameter.Gradient, random.At("gradient").At(parameter.Name));
                foreach (ref double g in parameter.Gradient.Span)
                    g *= scale;
            }

            optimizer.Step(1, optimizer.GradientNorm(), 1);
            return [.. parameters.SelectMany(p => TinyRun<double>.Values(p.Value))];
        }

        string[] names = ["a", "b"];
        int[] counts = [6, 4];
        double norm = names.Zip(counts, (name, n) => Draw(random.At("gradient").At(name), n)).SelectMany(g => g).ToArray().Norm();
        double[] expected = Updated(0, norm + ClipGuard <= max ? 1 : max / (norm + ClipGuard)), found = Updated(max, 1);
        Assert.InRange(Numbers.Mix(1, expected, -1, found).Largest(), 0, 10 * UpdateTolerance);
    }

    [Fact]
    public void Matrices_decay_and_vectors_do_not()
    {
        const double Rate = 0.1, Decay = 0.3;
        var random = RandomStream.FromSeed(5);
        Parameter<double>[] parameters = [Make("matrix", [3, 4], random), Make("row", [1, 4], random), Make("vector", [4], random)];
        double[][] before = [.. parameters.Select(p => TinyRun<double>.Values(p.Value))];
        using var optimizer = new AdamW<double>(parameters, new(Rate, Decay), _device);
        optimizer.Step(1, optimizer.GradientNorm(), 1);
        Assert.Equal([true, true, false], parameters.Select(AdamW<double>.Decays));
        for (int i = 0; i < parameters.Length; i++)
        {
            double kept = i < 2 ? 1 - (Rate * Decay) : 1;
            Assert.All(before[i].Zip(TinyRun<double>.Values(parameters[i].Value)), pair =>
                Assert.Equal(kept * pair.First, pair.Second, UpdateTolerance));
        }
    }

    [Fact]
    public void The_first_parameter_that_is_not_finite_is_named()
    {
        var random = RandomStream.FromSeed(5);
        Parameter<double>[] parameters = [Make("a", [2], random), Make("b", [2], random), Make("c", [2], random)];
        using var optimizer = new AdamW<double>(parameters, new(0.1), _device);
        Assert.Null(optimizer.FirstNonFinite());
        parameters[2].Gradient.Span[0] = double.NaN;
        parameters[1].Gradient.Span[1] = double.NegativeInfinity;
        Assert.Equal("b", optimizer.FirstNonFinite());
        Assert.False(double.IsFinite(optimizer.GradientNorm()));
    }

    private Parameter<double> Make(string name, long[] dimensions, RandomStream random)
    {
        var shape = dimensions.Length == 1 ? Shape.Vector((int)dimensions[0]) : new Shape((int)dimensions[0], (int)dimensions[1]);
        var parameter = new Parameter<double>(name, _memory.Allocate<double>(shape), dimensions);
        Fill(parameter.Value, random.At(name));
        parameter.Train(_memory);
        return parameter;
    }

    private static double[] Fill(View<double> view, RandomStream random)
    {
        double[] values = Draw(random, view.Span.Length);
        values.CopyTo(view.Span);
        return values;
    }

    private static double[] Draw(RandomStream random, int count) =>
        [.. Enumerable.Range(0, count).Select(i => random.Normal(i))];

    /// <summary>Source: the algorithm in the documentation of torch.optim.AdamW, line by line.</summary>
    private sealed class Oracle(double[] weights)
    {
        private readonly double[] _m = new double[weights.Length], _v = new double[weights.Length];

        public double[] Weights => weights;

        public void Step(double[] gradient, double clip, double rate, double decay, AdamWOptions options, int t)
        {
            for (int i = 0; i < weights.Length; i++)
            {
                double g = clip * gradient[i];
                weights[i] -= rate * decay * weights[i];
                _m[i] = (options.Beta1 * _m[i]) + ((1 - options.Beta1) * g);
                _v[i] = (options.Beta2 * _v[i]) + ((1 - options.Beta2) * g * g);
                double m = _m[i] / (1 - Math.Pow(options.Beta1, t)), v = _v[i] / (1 - Math.Pow(options.Beta2, t));
                weights[i] -= rate * m / (Math.Sqrt(v) + options.Epsilon);
            }
        }
    }
}
