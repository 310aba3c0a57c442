using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// Records ops as they run and derives gradients by walking the recording backwards (reverse-mode differentiation over
/// a Wengert list: execution order is a topological order, so nothing is sorted). Values, saved statistics and
/// gradients of intermediate values live in the tape's own arena, the wave, until <see cref="Clear"/>; but a reverse
/// pass gives up every value and gradient that it has used, so that gradients take the room of activations: only
/// targets and the loss can be read after it. <see cref="Release"/> gives values up before that. One thread at a time.
/// </summary>
[SuppressMessage("Naming", "CA1724", Justification = "Tape is the field's word.")]
public sealed class Tape<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int MostInputs = 16;

    private readonly Arena _wave;
    private readonly Recording<T> _recording;
    private readonly Dictionary<Parameter<T>, int> _leaves = [];
    private int _epoch;

    /// <summary>An empty tape.</summary>
    public Tape(Device device)
    {
        (Device, _wave) = (device, new Arena(device));
        _recording = new(device, _wave);
    }

    /// <summary>The device everything on this tape lives on.</summary>
    public Device Device { get; }

    /// <summary>
    /// Whether <see cref="Checkpoint"/> gives up what lies behind it, to be computed again in the reverse pass: the
    /// memory of one segment and the checkpoints, for up to one more forward. The bits are the same. Source: Chen et
    /// al., arXiv 1604.06174.
    /// </summary>
    public bool Recompute { get; init; }

    /// <summary>The arena of activations: its peak is the step's memory.</summary>
    public Arena Wave => _wave;

    /// <summary>Op calls run forward since the tape was made: forward work, countable.</summary>
    public long Applied => _recording.Applied;

    /// <summary>Reverse passes since the tape was made.</summary>
    public long Reversed { get; private set; }

    /// <summary>
    /// Enters a value that no gradient flows into, unless it is itself a target of <see cref="Backward(Tensor{T},
    /// ReadOnlySpan{Tensor{T}})"/>.
    /// </summary>
    public Tensor<T> Constant(View<T> value) => new(_recording.Add(new Node<T> { Value = value }), _epoch, value);

    /// <summary>
    /// Enters a parameter. The same parameter is the same leaf however often it is used, so that tied weights add up.
    /// </summary>
    public Tensor<T> Of(Parameter<T> parameter)
    {
        if (_leaves.TryGetValue(parameter, out int node))
            return new(node, _epoch, parameter.Value);
        var tensor = Constant(parameter.Value);
        _leaves.Add(parameter, tensor.Node);
        return tensor;
    }

    /// <summary>Runs <paramref name="op"/> on <paramref name="x"/> and records the call.</summary>
    /// <param name="op">The operation.</param>
    /// <param name="x">Its inputs, from this tape.</param>
    /// <param name="ids">
    /// Token ids, positions, labels or offsets, as the op documents; kept until <see cref="Clear"/>.
    /// </param>
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

        var node = new Node<T> { Op = op, Value = _wave.Allocate<T>(shape), Ids = ids, Random = random };
        if (op.Saved(shapes) is { Count: > 0 } saved)
            node.Saved = _wave.Allocate<T>(saved);
        int index = _recording.Add(node, x);
        _recording.Run(index);
        return new(index, _epoch, node.Value);
    }

    /// <summary>
    /// Says that of all that was recorded since the last checkpoint, calls to come use <paramref name="x"/> alone. Does
    /// nothing unless <see cref="Recompute"/>.
    /// </summary>
    /// <returns><paramref name="x"/>.</returns>
    public Tensor<T> Checkpoint(Tensor<T> x)
    {
        int kept = Own(x).Node;
        if (Recompute)
            _recording.EndSegment(kept);
        return x;
    }

    /// <summary>
    /// Says that no call to come uses <paramref name="x"/>. Its memory is given up where the reverse pass does not read
    /// it (<see cref="Op{T}.Reads"/>), or can run the op again at little cost (<see cref="Op{T}.IsCheap"/>); the bits of
    /// every result stay the same. A value that somebody reads after the pass must not be released.
    /// </summary>
    public void Release(Tensor<T> x) => _recording.Release(Current(x).Node);

    /// <summary>Runs every recorded call again, into the same memory, on what leaves and ids hold now.</summary>
    /// <exception cref="ShapeException">The ids no longer fit an op.</exception>
    /// <exception cref="InvalidOperationException">A value was given up.</exception>
    public void Replay()
    {
        Span<Shape> shapes = stackalloc Shape[MostInputs];
        for (int i = 0; i < _recording.Count; i++)
        {
            ref var node = ref _recording[i];
            if (node.Op is null)
                continue;
            if (!node.IsReleased)               // the memory of a released value is written again in the same order
                RequireValue(node);
            var inputs = _recording.Inputs(node);
            for (int k = 0; k < inputs.Length; k++)
                shapes[k] = _recording[inputs[k]].Value.Shape;
            node.Op.Check(shapes[..inputs.Length], node.Ids.Span);
            _recording.Run(i);
        }
    }

    /// <summary>
    /// dL/dtarget for each target. Only calls that some target lies below are visited: asking for hidden embeddings
    /// forms no weight gradient.
    /// </summary>
    /// <param name="loss">A scalar of this tape.</param>
    /// <param name="targets">Values of this tape; the gradients live until <see cref="Clear"/>.</param>
    public Gradients<T> Backward(Tensor<T> loss, ReadOnlySpan<Tensor<T>> targets)
    {
        Begin(loss);
        foreach (var target in targets)
        {
            ref var node = ref _recording[Current(target).Node];
            node.Reaches = node.IsTarget = true;
        }

        _recording.Reverse(loss.Node, T.One);
        return new(this, _epoch);
    }

    /// <summary>
    /// Adds scale * dL/dw into <see cref="Parameter{T}.Gradient"/> of every trainable parameter on this tape.
    /// </summary>
    /// <param name="loss">A scalar of this tape.</param>
    /// <param name="scale">The weight of this loss in the sum, such as 1 / number of micro-batches.</param>
    public void BackwardToParameters(Tensor<T> loss, double scale = 1)
    {
        Begin(loss);
        foreach (var (parameter, index) in _leaves)
        {
            ref var node = ref _recording[index];
            node.Reaches = parameter.IsTrainable;
            node.Gradient = parameter.Gradient;
        }

        _recording.Reverse(loss.Node, T.CreateChecked(scale));
    }

    /// <summary>Forgets the recording and rewinds the wave: every tensor and gradient of this tape is void.</summary>
    public void Clear()
    {
        _recording.Clear();
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
        return _recording[Current(target).Node].IsTarget
            ? _recording.GradientOf(target.Node)        // a target the loss does not depend on has gradient zero
            : throw new InvalidOperationException("This value was not a target of the reverse pass.");
    }

    private void Begin(Tensor<T> loss)
    {
        if (Own(loss).Shape != Shape.Scalar)
            throw new ShapeException("backward", [loss.Shape], "a scalar loss, (1, 1)");
        Reversed++;
        _recording.BeginReverse();
    }

    private Tensor<T> Own(Tensor<T> tensor)
    {
        RequireValue(_recording[Current(tensor).Node]);
        return tensor;
    }

    private Tensor<T> Current(Tensor<T> tensor) => tensor.Wave == _epoch && tensor.Node < _recording.Count
        ? tensor
        : throw new InvalidOperationException("This tensor is void: its tape has been cleared.");

    private static void RequireValue(in Node<T> node)
    {
        if (node.IsDropped)
            throw new InvalidOperationException("This value is void: a checkpoint or a reverse pass has given it up.");
    }
}
