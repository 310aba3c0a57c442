using VaccineRef.Kernels;

namespace VaccineRef.Core.Tests;

/// <summary>The reverse pass over a small net: h = x W1', e = h (a site), loss = mean((e W2')^2).</summary>
public sealed partial class TapeTests : IDisposable
{
    private const double Tolerance = 1e-13;

    private readonly CpuDevice _device = new(1);
    private readonly Arena _arena;
    private readonly Tape<double> _tape;
    private readonly Parameter<double> _first, _second;
    private readonly View<double> _input;
    private readonly Watch _watch = new();

    public TapeTests()
    {
        (_arena, _tape) = (new Arena(_device), new Tape<double>(_device));
        (_first, _second) = (Weight("first", 4, 3), Weight("second", 3, 4));
        _input = Filled("input", 5, 3);
    }

    public void Dispose()
    {
        _tape.Dispose();
        _arena.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void A_pass_to_hidden_targets_forms_no_weight_gradient()
    {
        Train();
        var (loss, hidden) = Net();
        _watch.Asked.Clear();
        _tape.Backward(loss, [hidden]);
        Assert.Equal([false], _watch.Asked);                 // only the second layer is visited, and not for its weight
        Assert.True(_first.Gradient.Span.ToArray().All(value => value == 0));
        Assert.True(_second.Gradient.Span.ToArray().All(value => value == 0));
    }

    [Fact]
    public void Hidden_gradients_are_central_differences()
    {
        const double Step = 6e-6;               // the loss is quadratic: only rounding is left, a few eps loss / step
        var (loss, hidden) = Net();
        double[] gradient = _tape.Backward(loss, [hidden])[hidden].Span.ToArray();
        double rounding = 20 * Math.ScaleB(1, -52) * loss.Value.Span[0] / Step;
        for (int i = 0; i < gradient.Length; i++)
        {
            double slope = (Moved(i, Step) - Moved(i, -Step)) / (2 * Step);
            Assert.Equal(slope, gradient[i], rounding);
        }
    }

    [Fact]
    public void A_parameter_used_twice_adds_up()
    {
        var square = Weight("square", 3, 3);
        square.Train(_arena);
        var first = new Parameter<double>("first copy", square.Value, [3, 3]);
        var second = new Parameter<double>("second copy", square.Value, [3, 3]);
        first.Train(_arena);
        second.Train(_arena);
        Reverse(square, square);
        Reverse(first, second);
        double[] separate = [.. first.Gradient.Span.ToArray().Zip(second.Gradient.Span.ToArray(), (a, b) => a + b)];
        Near(separate, square.Gradient);

        void Reverse(Parameter<double> w1, Parameter<double> w2)
        {
            var hidden = _tape.Apply(new Linear<double>(), [_tape.Constant(_input), _tape.Of(w1)]);
            _tape.BackwardToParameters(Loss(_tape.Apply(new Linear<double>(), [hidden, _tape.Of(w2)])));
            _tape.Clear();
        }
    }

    [Fact]
    public void Micro_batches_add()
    {
        Train();
        _tape.BackwardToParameters(Net().Loss);
        double[] once = _first.Gradient.Span.ToArray();
        _tape.Clear();
        _tape.BackwardToParameters(Net().Loss, scale: 0.5);
        Near([.. once.Select(value => 1.5 * value)], _first.Gradient);
    }

    [Fact]
    public void A_frozen_parameter_gets_no_gradient_and_costs_none()
    {
        _first.Train(_arena);
        var (loss, _) = Net();
        _watch.Asked.Clear();
        _tape.BackwardToParameters(loss);
        Assert.Equal([false, true], _watch.Asked);          // from the loss backwards: the second layer, then the first
        Assert.True(_second.Gradient.IsEmpty);
        Assert.Contains(_first.Gradient.Span.ToArray(), value => value != 0);
    }

    [Fact]
    public void An_op_with_one_value_as_both_inputs_adds_both_gradients()
    {
        var x = _tape.Constant(_input);
        var loss = _tape.Apply(new Mean<double>(), [_tape.Apply(new Add<double>(3), [x, x])]);
        double share = 4.0 / _input.Shape.Count;
        Assert.All(_tape.Backward(loss, [x])[x].Span.ToArray(), value => Assert.Equal(share, value, Tolerance));
    }

    [Fact]
    public void The_gradient_of_what_the_loss_does_not_see_is_zero()
    {
        var (loss, _) = Net();
        var apart = _tape.Constant(_input);
        Assert.All(_tape.Backward(loss, [apart])[apart].Span.ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void Clearing_voids_tensors_and_gradients()
    {
        var (loss, hidden) = Net();
        var gradients = _tape.Backward(loss, [hidden]);
        _tape.Clear();
        Assert.Throws<InvalidOperationException>(() => gradients[hidden]);
        Assert.Throws<InvalidOperationException>(() => _tape.Apply(new Scale<double>(2), [hidden]));
        Assert.Throws<InvalidOperationException>(() => _tape.Backward(loss, []));
        Net();
        Assert.Throws<InvalidOperationException>(() => gradients[hidden]);
    }

    [Fact]
    public void Only_a_scalar_of_this_tape_is_a_loss_and_only_targets_have_gradients()
    {
        var (loss, hidden) = Net();
        Assert.Throws<ShapeException>(() => _tape.Backward(hidden, []));
        var gradients = _tape.Backward(loss, []);
        Assert.Throws<InvalidOperationException>(() => gradients[hidden]);
    }

    [Fact]
    public void Only_a_scalar_of_this_tape_is_a_number()
    {
        var (loss, hidden) = Net();
        Assert.Equal(loss.Value.Span[0], _tape.Read(loss));
        Assert.Throws<ShapeException>(() => _tape.Read(hidden));
        _tape.Clear();
        Assert.Throws<InvalidOperationException>(() => _tape.Read(loss));
    }

    [Fact]
    public void A_tensor_of_another_tape_is_refused()
    {
        var (loss, hidden) = Net();
        using var other = new Tape<double>(_device);
        for (int node = 0; node < 16; node++)
            other.Constant(_input);
        Assert.Throws<InvalidOperationException>(() => other.Apply(new Scale<double>(2), [hidden]));
        Assert.Throws<InvalidOperationException>(() => other.Backward(loss, []));
        Assert.Throws<InvalidOperationException>(() => other.Release(hidden));
    }

    [Fact]
    public void A_loss_that_depends_on_no_trainable_parameter_is_an_error()
    {
        Assert.Throws<InvalidOperationException>(() => _tape.BackwardToParameters(Net().Loss));      // all are frozen
        Train();
        _tape.Of(_first);
        var apart = Loss(_tape.Constant(_input));
        Assert.Throws<InvalidOperationException>(() => _tape.BackwardToParameters(apart));
    }

    [Fact]
    public void The_second_recording_takes_no_memory_and_work_is_counted()
    {
        Train();
        _tape.BackwardToParameters(Net().Loss);
        _tape.Clear();
        (long peak, long reserved, long applied) = (_tape.Activations.Peak, _tape.Activations.Reserved, _tape.Applied);
        _tape.BackwardToParameters(Net().Loss);
        _tape.Clear();
        Assert.Equal((peak, reserved), (_tape.Activations.Peak, _tape.Activations.Reserved));
        Assert.Equal((2 * applied, 2), (_tape.Applied, _tape.Reversed));
    }

    [Fact]
    public void Record_remembers_the_kinds_it_was_asked_for_and_NoTap_nothing()
    {
        var record = new Record<double>(SiteKind.AttentionOutput);
        var pass = new Pass<double>(_tape, record);
        var hidden = _tape.Constant(_input);
        Assert.Equal(_input.Shape, record.At(new(0, SiteKind.MlpOutput), hidden, pass).Shape);
        Assert.Equal(_input.Shape, record.At(new(1, SiteKind.AttentionOutput), hidden, pass).Shape);
        Assert.Equal([new Site(1, SiteKind.AttentionOutput)], record.Sites);
        Assert.Equal(1, record.Hidden.Length);
        Assert.Equal("layers.1.attention_output", record.Sites[0].ToString());
        long applied = _tape.Applied;
        Assert.True(new NoTap<double>().At(new(0, SiteKind.AttentionOutput), hidden, pass).Value.Span == _input.Span);
        Assert.Equal(applied, _tape.Applied);
    }

    [Fact]
    public void Record_remembers_the_sites_that_are_chosen()
    {
        var record = new Record<double>(site => site.Layer == 1 && site.Kind != SiteKind.BlockOutput);
        var pass = new Pass<double>(_tape, record);
        var hidden = _tape.Constant(_input);
        foreach (int layer in (int[])[0, 1])
            foreach (var kind in (SiteKind[])[SiteKind.AttentionOutput, SiteKind.MlpOutput, SiteKind.BlockOutput])
                pass.Show(new(layer, kind), hidden);
        Assert.Equal([new(1, SiteKind.AttentionOutput), new(1, SiteKind.MlpOutput)], record.Sites);
        Assert.Equal(2, record.Hidden.Length);
    }

    private (Tensor<double> Loss, Tensor<double> Hidden) Net(View<double> shift = default)
    {
        var hidden = _tape.Apply(_watch, [_tape.Constant(_input), _tape.Of(_first)]);
        var moved = shift.IsEmpty ? hidden : _tape.Apply(new Add<double>(), [hidden, _tape.Constant(shift)]);
        return (Loss(_tape.Apply(_watch, [moved, _tape.Of(_second)])), hidden);
    }

    /// <summary>The mean over rows of the squared norm.</summary>
    private Tensor<double> Loss(Tensor<double> y)
    {
        var zero = _tape.Constant(_arena.Allocate<double>(y.Shape, clear: true));
        return _tape.Apply(new Mean<double>(), [_tape.Apply(new SquaredDistance<double>(), [y, zero])]);
    }

    /// <summary>The loss with element <paramref name="i"/> of the hidden embedding moved.</summary>
    private double Moved(int i, double step)
    {
        var shift = _arena.Allocate<double>(new(5, 4), clear: true);
        shift.Span[i] = step;
        double loss = Net(shift).Loss.Value.Span[0];
        _tape.Clear();
        return loss;
    }

    private void Train()
    {
        _first.Train(_arena);
        _second.Train(_arena);
    }

    private Parameter<double> Weight(string name, int rows, int columns) =>
        new(name, Filled(name, rows, columns), [rows, columns]);

    private View<double> Filled(string name, int rows, int columns)
    {
        var view = _arena.Allocate<double>(new(rows, columns));
        _device.Run(new FillNormal<double>(RandomStream.FromSeed(3).At(name)), view);
        return view;
    }

    private static void Near(double[] expected, View<double> actual) =>
        Assert.All(expected.Zip(actual.Span.ToArray()), pair => Assert.Equal(pair.First, pair.Second, Tolerance));

    /// <summary>A linear layer that notes, at every backward, whether its weight's gradient was asked for.</summary>
    private sealed class Watch : Op<double>
    {
        private readonly Linear<double> _linear = new();

        public List<bool> Asked { get; } = [];

        public override string Name => "Watch";

        public override Shape Infer(ReadOnlySpan<Shape> x) => _linear.Infer(x);

        public override void Forward(CpuFrame<double> f) => _linear.Forward(f);

        public override void Backward(CpuFrame<double> f)
        {
            Asked.Add(f.Wants(1));
            _linear.Backward(f);
        }
    }
}
