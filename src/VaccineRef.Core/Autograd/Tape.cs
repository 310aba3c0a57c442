using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// Records ops as they run, so that <see cref="Backward"/> can walk the recording back for gradients.
/// </summary>
/// <remarks>
/// Activations, what ops save for the reverse pass, and the gradients of activations live in the tape's own arena until
/// <see cref="Clear"/>. They give their memory up earlier where that changes no result: after a reverse pass only the
/// gradients of its targets and the loss can be read. Use a tape from one thread at a time.
/// </remarks>
[SuppressMessage("Naming", "CA1724", Justification = "Tape is the field's word.")]
public sealed class Tape<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private static int _lastEpoch;

    private readonly Recording<T> _recording;
    private readonly ActivationMemory<T> _memory;
    private readonly ReversePass<T> _reverse;
    private readonly Dictionary<Parameter<T>, int> _leaves = [];
    private int _epoch = NextEpoch();      // no other recording in the process has this number

    /// <summary>Makes an empty tape.</summary>
    public Tape(Device device)
    {
        (Device, Activations) = (device, new Arena(device));
        _recording = new(device);
        _memory = new(Activations, _recording);
        _reverse = new(device, Activations, _recording, _memory);
    }

    /// <summary>The device on which everything on this tape lives.</summary>
    public Device Device { get; }

    /// <summary>
    /// Whether the activations of a segment (<see cref="EndSegment"/>) are dropped and computed again in the reverse
    /// pass. Memory is then needed for one segment and the results of the others, at the cost of up to one more forward
    /// pass. The results are the same, bit for bit. Known as gradient checkpointing (Chen et al., arXiv 1604.06174).
    /// </summary>
    public bool Recompute { get; init; }

    /// <summary>
    /// Where this is set, whether the activations of a segment are dropped, by the segment's number: 0 for what comes
    /// before the first block of a model, l + 1 for block l. The last block is no segment that ends. The results are
    /// the same, bit for bit.
    /// </summary>
    public Func<int, bool>? RecomputeSegment { get; set; }

    /// <summary>
    /// The arena of the activations and their gradients. Its peak is what a step needs beside the weights.
    /// </summary>
    public Arena Activations { get; }

    /// <summary>How many times an op was run forward since the tape was made.</summary>
    public long Applied => _recording.Applied;

    /// <summary>How many reverse passes were run since the tape was made.</summary>
    public long Reversed { get; private set; }

    /// <summary>
    /// Puts a value on the tape as a leaf. It has no gradient unless it is a target of <see cref="Backward"/>.
    /// </summary>
    public Tensor<T> Constant(View<T> value) => new(_recording.Add(new Node<T> { Value = value }), _epoch, value);

    /// <summary>Puts a constant of zeros on the tape, in memory of the tape.</summary>
    public Tensor<T> Zeros(Shape shape) => Constant(Activations.Allocate<T>(shape, clear: true));

    /// <summary>
    /// Puts a parameter on the tape. All uses of a parameter are one leaf, so that their gradients add up.
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
    /// <param name="x">Its inputs, all from this tape.</param>
    /// <param name="ids">
    /// Token ids, positions, labels or offsets; they must not change before <see cref="Clear"/>.
    /// </param>
    /// <param name="random">The random stream, for an op that draws random numbers.</param>
    /// <exception cref="ShapeException">The op cannot take these shapes or ids.</exception>
    public Tensor<T> Apply(
        Op<T> op, ReadOnlySpan<Tensor<T>> x, ReadOnlyMemory<int> ids = default, RandomStream random = default)
    {
        Span<Shape> shapes = stackalloc Shape[x.Length];
        for (int i = 0; i < x.Length; i++)
            shapes[i] = Readable(x[i]).Shape;
        var shape = op.Infer(shapes, ids.Length);
        op.Check(shapes, ids.Span);

        var node = new Node<T> { Op = op, Value = Activations.Allocate<T>(shape), Ids = ids, Random = random };
        if (op.Saved(shapes) is { Count: > 0 } saved)
            node.Saved = Activations.Allocate<T>(saved);
        int index = _recording.Add(node, x);
        _recording.Run(index);
        return new(index, _epoch, node.Value);
    }

    /// <summary>The number that a scalar is.</summary>
    /// <exception cref="ShapeException">It is not a scalar, (1, 1).</exception>
    public double Read(Tensor<T> scalar)
    {
        if (Readable(scalar).Shape != Shape.Scalar)
            throw new ShapeException("read", [scalar.Shape], "a scalar, (1, 1)");
        Span<T> read = [T.Zero];
        Device.Download(scalar.Value, read);
        return double.CreateChecked(read[0]);
    }

    /// <summary>
    /// Promises that no later call uses <paramref name="x"/>. Its memory is given up if the reverse pass does not read
    /// it (<see cref="Op{T}.Reads"/>) or can compute it again at little cost (<see cref="Op{T}.IsCheap"/>).
    /// </summary>
    public void Release(Tensor<T> x) => _memory.Release(Current(x).Node);

    /// <summary>Releases everything recorded between <paramref name="from"/> and <paramref name="result"/>.</summary>
    public void ReleaseBetween(Tensor<T> from, Tensor<T> result) =>
        _memory.ReleaseBetween(Current(from).Node, Current(result).Node);

    /// <summary>Keeps a value and everything recorded after it in memory, for somebody who reads it later.</summary>
    public void KeepFrom(Tensor<T> x) => _memory.KeepFrom(Readable(x).Node);

    /// <summary>
    /// Promises that of everything recorded since the last segment ended, later calls use <paramref name="x"/> alone.
    /// Does nothing unless <see cref="Recompute"/> or <see cref="RecomputeSegment"/> is set.
    /// </summary>
    /// <returns><paramref name="x"/>.</returns>
    public Tensor<T> EndSegment(Tensor<T> x)
    {
        int result = Readable(x).Node;
        if (Recompute || RecomputeSegment is not null)
            _memory.EndSegment(result, drops: Recompute || RecomputeSegment!(_memory.Segment));
        return x;
    }

    /// <summary>
    /// Runs every recorded call again, into the same memory, on what the leaves and the ids hold now.
    /// </summary>
    /// <exception cref="ShapeException">The ids no longer fit an op.</exception>
    /// <exception cref="InvalidOperationException">
    /// A value was dropped by a segment's end or a reverse pass.
    /// </exception>
    public void Replay() => _memory.Replay();

    /// <summary>
    /// Computes dL/dtarget for each target. Only the calls between the loss and a target are visited: a pass to hidden
    /// embeddings forms no weight gradient.
    /// </summary>
    /// <param name="loss">A scalar of this tape.</param>
    /// <param name="targets">Values of this tape. Their gradients can be read until <see cref="Clear"/>.</param>
    public Gradients<T> Backward(Tensor<T> loss, ReadOnlySpan<Tensor<T>> targets)
    {
        BeginReverse(loss);
        foreach (var target in targets)
            _reverse.AddTarget(Current(target).Node);
        _reverse.Run(loss.Node, T.One);
        return new(this, _epoch);
    }

    /// <summary>
    /// Adds scale * dL/dw into <see cref="Parameter{T}.Gradient"/> of every trainable parameter on this tape.
    /// </summary>
    /// <param name="loss">A scalar of this tape.</param>
    /// <param name="scale">The weight of this loss in the sum, such as 1 / number of micro-batches.</param>
    /// <param name="destination">
    /// Where the gradient of a parameter is added instead; an empty view where it is not wanted and not formed.
    /// </param>
    /// <param name="targets">
    /// Values of this tape besides, whose gradients can be read until <see cref="Clear"/>.
    /// </param>
    /// <exception cref="InvalidOperationException">The loss depends on no trainable parameter.</exception>
    public Gradients<T> BackwardToParameters(
        Tensor<T> loss, double scale = 1, Func<Parameter<T>, View<T>>? destination = null,
        ReadOnlySpan<Tensor<T>> targets = default)
    {
        BeginReverse(loss);
        foreach (var (parameter, node) in _leaves)
            if ((destination is null ? parameter.Gradient : destination(parameter)) is { IsEmpty: false } gradient)
                _reverse.AddTarget(node, gradient);
        foreach (var target in targets)
            _reverse.AddTarget(Current(target).Node);
        if (!_reverse.Run(loss.Node, T.CreateChecked(scale)))
            throw new InvalidOperationException(
                "The loss depends on no trainable parameter: nothing would be trained.");
        return new(this, _epoch);
    }

    /// <summary>
    /// Forgets the recording. All tensors and gradients become invalid, and their memory is used again.
    /// </summary>
    public void Clear()
    {
        _recording.Clear();
        _memory.Clear();
        _leaves.Clear();
        Activations.Rewind();
        _epoch = NextEpoch();
    }

    /// <inheritdoc/>
    public void Dispose() => Activations.Dispose();

    internal View<T> GradientOf(Tensor<T> target, int epoch)
    {
        if (epoch != _epoch)
            throw new InvalidOperationException("These gradients are void: their tape has been cleared.");
        return _recording[Current(target).Node].Role == GradientRole.Target
            ? _reverse.GradientOf(target.Node)        // a target that the loss does not depend on has gradient zero
            : throw new InvalidOperationException("This value was not a target of the reverse pass.");
    }

    private void BeginReverse(Tensor<T> loss)
    {
        if (Readable(loss).Shape != Shape.Scalar)
            throw new ShapeException("backward", [loss.Shape], "a scalar loss, (1, 1)");
        Reversed++;
        _reverse.Begin();
    }

    private Tensor<T> Readable(Tensor<T> tensor)
    {
        _memory.RequireInMemory(Current(tensor).Node);
        return tensor;
    }

    private Tensor<T> Current(Tensor<T> tensor) => tensor.Epoch == _epoch && tensor.Node < _recording.Count
        ? tensor
        : throw new InvalidOperationException(
            "This tensor is void: its tape has been cleared, or it belongs to another tape.");

    private static int NextEpoch() => Interlocked.Increment(ref _lastEpoch);
}
