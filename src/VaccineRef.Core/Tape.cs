using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.InteropServices;

namespace VaccineRef.Core;

/// <summary>
/// Records ops as they run and derives gradients by walking the recording backwards (reverse-mode differentiation over a Wengert
/// list: execution order is a topological order, so nothing is sorted). Values, saved statistics and gradients of intermediate
/// values live in the tape's own arena, the wave, until <see cref="Clear"/>. One thread at a time.
/// </summary>
[SuppressMessage("Naming", "CA1724", Justification = "Tape is the field's word.")]
public sealed class Tape<T>(Device device) : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Leaf = -1;

    private struct Node
    {
        public Op<T>? Op;                      // null for a leaf
        public int FirstInput, InputCount;     // a range of _inputs
        public View<T> Value, Saved, Gradient;
        public ReadOnlyMemory<int> Ids;
        public RandomStream Random;
        public Parameter<T>? Parameter;
        public bool Reaches;                   // some target of the reverse pass under way is this node or lies below it
    }

    private readonly Arena _wave = new(device);
    private readonly List<Node> _nodes = [];
    private readonly List<int> _inputs = [];
    private readonly Dictionary<Parameter<T>, int> _leaves = [];
    private readonly Operands<T> _operands = new();
    private int _epoch;

    /// <summary>The device everything on this tape lives on.</summary>
    public Device Device { get; } = device;

    /// <summary>The arena of activations: its peak is the step's memory.</summary>
    public Arena Wave => _wave;

    /// <summary>Op calls recorded since the tape was made: forward work, countable.</summary>
    public long Applied { get; private set; }

    /// <summary>Reverse passes since the tape was made.</summary>
    public long Reversed { get; private set; }

    /// <summary>Enters a value that no gradient flows into, unless it is itself a target of <see cref="Backward(Tensor{T}, ReadOnlySpan{Tensor{T}})"/>.</summary>
    public Tensor<T> Constant(View<T> value) => Record(new Node { Value = value, FirstInput = Leaf });

    /// <summary>Enters a parameter. The same parameter is the same leaf however often it is used, so that tied weights add up.</summary>
    public Tensor<T> Of(Parameter<T> parameter)
    {
        if (_leaves.TryGetValue(parameter, out int node))
            return new(node, _epoch, parameter.Value);
        var tensor = Record(new Node { Value = parameter.Value, FirstInput = Leaf, Parameter = parameter });
        _leaves.Add(parameter, tensor.Node);
        return tensor;
    }

    /// <summary>Runs <paramref name="op"/> on <paramref name="x"/> and records the call.</summary>
    /// <param name="op">The operation.</param>
    /// <param name="x">Its inputs, from this tape.</param>
    /// <param name="ids">Token ids, positions, labels or offsets, as the op documents; kept until <see cref="Clear"/>.</param>
    /// <param name="random">The stream of an op that draws random numbers.</param>
    /// <exception cref="ShapeException">The inputs do not fit the op.</exception>
    public Tensor<T> Apply(
        Op<T> op, ReadOnlySpan<Tensor<T>> x, ReadOnlyMemory<int> ids = default, RandomStream random = default)
    {
        Span<Shape> shapes = stackalloc Shape[x.Length];
        for (int i = 0; i < x.Length; i++)
            shapes[i] = Own(x[i]).Shape;
        var shape = op.Infer(shapes, ids.Length);
        op.Check(shapes, ids.Span);

        var node = new Node { Op = op, FirstInput = _inputs.Count, InputCount = x.Length, Ids = ids, Random = random };
        node.Value = _wave.Allocate<T>(shape);
        if (op.Saved(shapes) is { Count: > 0 } saved)
            node.Saved = _wave.Allocate<T>(saved);
        _operands.Begin(x.Length, node.Value, node.Saved, ids, random);
        for (int i = 0; i < x.Length; i++)
        {
            _operands.Input(i, x[i].Value);
            _inputs.Add(x[i].Node);
        }

        Device.Forward(op, _operands);
        Applied++;
        return Record(node);
    }

    /// <summary>
    /// dL/dtarget for each target. Only calls that some target lies below are visited: asking for hidden embeddings forms no
    /// weight gradient.
    /// </summary>
    /// <param name="loss">A scalar of this tape.</param>
    /// <param name="targets">Values of this tape; the gradients live until <see cref="Clear"/>.</param>
    public Gradients<T> Backward(Tensor<T> loss, ReadOnlySpan<Tensor<T>> targets)
    {
        var nodes = Begin(loss);
        foreach (var target in targets)
            nodes[Own(target).Node].Reaches = true;
        Reverse(loss, T.One);
        return new(this, _epoch);
    }

    /// <summary>Adds scale * dL/dw into <see cref="Parameter{T}.Gradient"/> of every trainable parameter on this tape.</summary>
    /// <param name="loss">A scalar of this tape.</param>
    /// <param name="scale">The weight of this loss in the sum, such as 1 / number of micro-batches.</param>
    public void BackwardToParameters(Tensor<T> loss, double scale = 1)
    {
        var nodes = Begin(loss);
        foreach (var (parameter, node) in _leaves)
        {
            nodes[node].Reaches = parameter.IsTrainable;
            nodes[node].Gradient = parameter.Gradient;
        }

        Reverse(loss, T.CreateChecked(scale));
    }

    /// <summary>Forgets the recording and rewinds the wave: every tensor and gradient of this tape is void.</summary>
    public void Clear()
    {
        _nodes.Clear();
        _inputs.Clear();
        _leaves.Clear();
        _wave.Rewind();
        _epoch++;
    }

    /// <inheritdoc/>
    public void Dispose() => _wave.Dispose();

    internal View<T> GradientOf(Tensor<T> target, int epoch)
    {
        if (epoch != _epoch)
            throw new InvalidOperationException("These gradients are void: their tape has been cleared.");
        ref var node = ref CollectionsMarshal.AsSpan(_nodes)[Own(target).Node];
        if (!node.Reaches)
            throw new InvalidOperationException("This value was not a target of the reverse pass.");
        return GradientOf(ref node);        // a target the loss does not depend on has gradient zero
    }

    private Tensor<T> Record(Node node)
    {
        _nodes.Add(node);
        return new(_nodes.Count - 1, _epoch, node.Value);
    }

    private Tensor<T> Own(Tensor<T> tensor) => tensor.Wave == _epoch && tensor.Node < _nodes.Count
        ? tensor
        : throw new InvalidOperationException("This tensor is void: its tape has been cleared.");

    private Span<Node> Begin(Tensor<T> loss)
    {
        if (Own(loss).Shape != Shape.Scalar)
            throw new ShapeException("backward", [loss.Shape], "a scalar loss, (1, 1)");
        var nodes = CollectionsMarshal.AsSpan(_nodes);
        foreach (ref var node in nodes)
        {
            node.Reaches = false;
            node.Gradient = default;
        }

        Reversed++;
        return nodes;
    }

    private void Reverse(Tensor<T> loss, T seed)
    {
        var nodes = CollectionsMarshal.AsSpan(_nodes);
        for (int i = 0; i <= loss.Node; i++)
            foreach (int input in Inputs(nodes[i]))
                nodes[i].Reaches |= nodes[input].Reaches;
        if (!nodes[loss.Node].Reaches)
            return;
        Device.Fill(GradientOf(ref nodes[loss.Node]), seed);
        for (int i = loss.Node; i >= 0; i--)
            if (nodes[i] is { Op: not null, Reaches: true, Gradient.IsEmpty: false })
                ReverseCall(ref nodes[i], nodes);
    }

    private void ReverseCall(ref Node node, Span<Node> nodes)
    {
        var inputs = Inputs(node);
        bool wanted = false;
        _operands.Begin(inputs.Length, node.Value, node.Saved, node.Ids, node.Random);
        _operands.Dy = node.Gradient;
        for (int i = 0; i < inputs.Length; i++)
        {
            ref var input = ref nodes[inputs[i]];
            _operands.Input(i, input.Value, input.Reaches ? GradientOf(ref input) : default);
            wanted |= input.Reaches;
        }

        if (wanted)
            Device.Backward(node.Op!, _operands);
    }

    private View<T> GradientOf(ref Node node)
    {
        if (node.Gradient.IsEmpty)
            node.Gradient = _wave.Allocate<T>(node.Value.Shape, clear: true);
        return node.Gradient;
    }

    private ReadOnlySpan<int> Inputs(in Node node) => node.FirstInput == Leaf
        ? []
        : CollectionsMarshal.AsSpan(_inputs).Slice(node.FirstInput, node.InputCount);
}
