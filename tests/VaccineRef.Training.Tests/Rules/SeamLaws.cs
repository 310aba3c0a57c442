using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// SEAM's gradient is the slope of what it stands for, and the loss of every layer is what its equation says.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 8)]
public sealed class SeamLaws
{
    // Sums of some hundred products of doubles, over norms of condition below 1e2.
    private const double Tolerance = 1e-11;

    /// <summary>
    /// On quadratics a difference of gradients is a second derivative exactly, up to rounding over epsilon.
    /// </summary>
    [Property(MaxTest = 30)]
    public void On_quadratics_it_is_the_slope_of_the_loss_the_logarithm_and_the_cosine(
        ulong seed, byte columns, byte weights)
    {
        // 1e-15 / epsilon of 1e-3, times beta below 3 and a condition below 1e2
        const double Rounding = 1e-9;
        double alpha = 0.1 + (weights % 7), beta = (weights % 5) / 2.0, unlearning = (weights % 3) / 2.0;
        using var device = new CpuDevice(1);
        using var three = new Three(device, RandomStream.FromSeed(seed), 2 + (columns % 20));
        using var rule = new Seam<double>(new(alpha, beta, Unlearning: unlearning), device);
        double[] gradient = three.Gradient(rule), weight = Three.Values(three.Weights.Value);
        double Value()
        {
            var (a, b) = (three.GradientAt(Three.Harmful), three.GradientAt(Three.Task));
            return (alpha * three.LossAt(Three.Own)) - (unlearning * Math.Log(three.LossAt(Three.Harmful) + 1))
                + (beta * a.Dot(b) / (a.Norm() * b.Norm()));
        }

        var random = RandomStream.FromSeed(seed).At("direction");
        double[] direction = [.. weight.Select((_, i) => random.Normal(i))];
        direction = [.. direction.Select(value => value / direction.Norm())];
        double slope = Numbers.Slope(distance =>
        {
            device.Upload<double>(Numbers.Mix(1, weight, distance, direction), three.Weights.Value);
            return Value();
        });
        double size = 1 + gradient.Norm() + Math.Abs(Value());
        Assert.Equal(slope, gradient.Dot(direction), (Numbers.SlopeTolerance + Rounding) * size);
        Assert.Equal(3 * sizeof(double) * weight.Length * (beta > 0 ? 1 : 0), rule.StateBytes);
    }

    [Property]
    public void Without_the_cosine_it_is_the_slope_of_the_loss_and_the_logarithm(TinyModel tiny)
    {
        const double Alpha = 0.7, Unlearning = 1.3;
        using var run = new TinyRun<double>(tiny);
        var harmful = run.Stream(StreamName.Harmful).Next();
        using var rule = new Seam<double>(new(Alpha, Beta: 0, Unlearning: Unlearning), run.Device);
        using (var state = new TrainState<double>(run.Device, run.Model.Trainable, seed: 1) { Streams = run.Streams })
        {
            state.BeginStep();
            rule.Accumulate(run.Objective, run.Batch, state);
            Slopes.Require(
                run, run.Gradient, () => (Alpha * run.Loss()) - (Unlearning * Math.Log(1 + Layers(run, harmful))));
        }
    }

    /// <summary>RMSNorm, head and softmax by their definitions; the last layer is normed twice, as released.</summary>
    [Fact]
    public void The_loss_of_every_layer_is_its_equation()
    {
        const double Epsilon = 1e-6;
        var tiny = new TinyModel(Family.Llama, true, 2, 1, 2, 4, 17, new(6, 5, 4), Seed: 21);
        using var run = new TinyRun<double>(tiny);
        using var tape = new Tape<double>(run.Device);
        var record = new Record<double>(SiteKind.TokenEmbedding, SiteKind.BlockOutput);
        run.Network.Forward(new(tape, record), run.Batch);
        double[] norm = TinyRun<double>.Values(
            run.Network.Parameters.Single(parameter => parameter.Name == "model.norm.weight").Value);
        double[] head = TinyRun<double>.Values(run.Network.Head.Value);
        int hidden = tiny.Hidden, layers = tiny.Layers;
        double[] Normed(double[] row) =>
            [.. row.Select((value, i) => norm[i] * value / Math.Sqrt((row.Sum(x => x * x) / row.Length) + Epsilon))];
        double Loss(double[] row, int target)
        {
            double[] logits = [.. Enumerable.Range(0, tiny.Vocabulary)
                .Select(v => row.Select((x, i) => x * head[(v * hidden) + i]).Sum())];
            return Math.Log(logits.Sum(Math.Exp)) - logits[target];
        }

        double sum = 0;
        foreach (var (row, target) in run.Batch.CountedRows.Zip(run.Batch.CountedTargets))
            for (int i = 0; i <= layers; i++)
            {
                double[] h = TinyRun<double>.Values(record.Hidden[i].Value)[(row * hidden)..((row + 1) * hidden)];
                sum += i < layers ? Loss(Normed(h), target) : Loss(Normed(h), target) + Loss(Normed(Normed(h)), target);
            }

        double expected = sum / run.Batch.Counted / (layers + 1);
        Assert.Equal(expected, Layers(run, run.Batch), Tolerance * (1 + expected));
    }

    [Fact]
    public void What_has_no_loss_of_every_layer_and_settings_out_of_range_are_errors()
    {
        using var run = new TinyRun<double>(new(Family.Opt, false, 2, 1, 2, 4, 17, new(6, 5, 4), Seed: 21));
        using var rule = new Seam<double>(new(), run.Device);
        using var kl = new KlObjective<double>(run.Network, run.Model.Trainable, 1, Variant.Paper, run.Device);
        Assert.Contains(
            "cross_entropy", Assert.Throws<InputException>(() => run.Step(rule, objective: kl)).Message,
            StringComparison.Ordinal);
        Assert.All(
            (SeamOptions[])[new(-1), new(Beta: -1), new(Epsilon: 0), new(Epsilon: double.NaN), new(Unlearning: -1)],
            options => Assert.StartsWith(
                "here.", Assert.Throws<InputException>(() => options.Validate("here")).Where,
                StringComparison.Ordinal));
    }

    private static double Layers(TinyRun<double> run, PackedBatch batch)
    {
        double value = run.Read(run.Objective.Layerwise.Loss(new(run.State.Tape, new NoTap<double>()), batch).Value)[0];
        run.State.Tape.Clear();
        return value;
    }

    /// <summary>1/2 sum H (w - c)^2 with another H and c for each kind of data, over the same w.</summary>
    private sealed class Three : IObjective<double>, IDisposable
    {
        public const string Own = "own", Harmful = StreamName.Harmful, Task = StreamName.Task;

        private readonly Arena _memory;
        private readonly Dictionary<string, (View<double> Centre, View<double> Curvature)> _parts;
        private readonly WeightedSquaredDistance<double> _distance = new();
        private readonly Scale<double> _half = new(0.5);
        private readonly TrainState<double> _state;

        public Three(Device device, RandomStream random, int columns)
        {
            _memory = new(device);
            View<double> Draw(string name)
            {
                var view = _memory.Allocate<double>(Shape.Vector(columns));
                device.Run(new FillNormal<double>(random.At(name), 1), view);
                return view;
            }

            Weights = new("w", Draw("w"), [1, columns]);
            _parts = ((string[])[Own, Harmful, Task]).ToDictionary(
                name => name, name => (Draw($"{name} c"), Draw($"{name} H")));
            foreach (var part in _parts.Values)
                part.Curvature.Span.ToArray().Select(Math.Abs).ToArray().CopyTo(part.Curvature.Span);
            _state = new(device, [Weights], 1)
            {
                Streams = ((string[])[Harmful, Task]).ToDictionary(
                    name => name, name => new BatchStream([new([0], [0], name)], 1, default)),
            };
        }

        public string Name => "three";

        public IObjective<double> Layerwise => this;

        public Parameter<double> Weights { get; }

        public double[] Gradient(Seam<double> rule)
        {
            _state.BeginStep();
            rule.Accumulate(this, PackedBatch.Pack([new TokenSequence([0], [0], Own)]), _state);
            return Values(Weights.Gradient);
        }

        public double LossAt(string name) => Terms(name).Sum(term => term.H * term.Way * term.Way) / 2;

        public double[] GradientAt(string name) => [.. Terms(name).Select(term => term.H * term.Way)];

        public static double[] Values(View<double> view) => TinyRun<double>.Values(view);

        public Tensor<double> Loss(Pass<double> pass, PackedBatch batch)
        {
            var (centre, curvature) = _parts[batch.Ids[0]];
            return pass.Tape.Apply(_half, [pass.Tape.Apply(
                _distance, [pass.Tape.Of(Weights), pass.Tape.Constant(centre), pass.Tape.Constant(curvature)])]);
        }

        public void Dispose()
        {
            _state.Dispose();
            _memory.Dispose();
        }

        private IEnumerable<(double H, double Way)> Terms(string name) => Values(Weights.Value)
            .Zip(Values(_parts[name].Centre), (w, c) => w - c).Zip(
                Values(_parts[name].Curvature), (way, h) => (h, way));
    }
}
