using System.Numerics;
using System.Runtime.InteropServices;

namespace VaccineRef.Core;

/// <summary>One value on a tape, and the call that made it; a leaf has none.</summary>
internal struct Node<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public Op<T>? Op;                      // null for a leaf
    public int FirstInput, InputCount;     // a range of the recording's inputs
    public View<T> Value, Saved, Gradient;
    public ReadOnlyMemory<int> Ids;
    public RandomStream Random;
    public bool Reaches;                   // some target of the reverse pass is this node or lies below it
    public bool IsTarget;
    public bool IsKept;                    // a checkpoint or the loss: its value stays
    public bool IsDropped;                 // the value is given up, until it is computed again
}

/// <summary>
/// What a tape has recorded: nodes in the order of their calls, how to run them again, and how to run them backwards.
/// </summary>
internal sealed class Recording<T>(Device device, Arena wave) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly List<Node<T>> _nodes = [];
    private readonly List<int> _inputs = [];
    private readonly List<int> _segments = [0];     // the first node of each; of all but the last only results are kept
    private readonly Operands<T> _operands = new();

    public int Count => _nodes.Count;

    /// <summary>Calls run, forward.</summary>
    public long Applied { get; private set; }

    public ref Node<T> this[int index] => ref CollectionsMarshal.AsSpan(_nodes)[index];

    public int Add(Node<T> node)
    {
        _nodes.Add(node);
        return _nodes.Count - 1;
    }

    /// <summary>Adds a call whose value is yet to be computed.</summary>
    public int Add(Node<T> node, ReadOnlySpan<Tensor<T>> x)
    {
        (node.FirstInput, node.InputCount) = (_inputs.Count, x.Length);
        foreach (var input in x)
            _inputs.Add(input.Node);
        return Add(node);
    }

    public ReadOnlySpan<int> Inputs(in Node<T> node) =>
        CollectionsMarshal.AsSpan(_inputs).Slice(node.FirstInput, node.InputCount);

    public void Run(int index)
    {
        ref var node = ref this[index];
        var inputs = Inputs(node);
        _operands.Begin(inputs.Length, node.Value, node.Saved, node.Ids, node.Random);
        for (int i = 0; i < inputs.Length; i++)
            _operands.Input(i, this[inputs[i]].Value);
        device.Forward(node.Op!, _operands);
        Applied++;
    }

    /// <summary>Ends a segment: all that it computed but <paramref name="kept"/> is given up.</summary>
    public void EndSegment(int kept)
    {
        this[kept].IsKept = true;
        for (int i = _segments[^1]; i < Count; i++)
            Drop(ref this[i]);
        _segments.Add(Count);
    }

    /// <summary>Forgets the targets and gradients of an earlier reverse pass.</summary>
    public void BeginReverse()
    {
        foreach (ref var node in CollectionsMarshal.AsSpan(_nodes))
        {
            node.Reaches = node.IsTarget = false;
            node.Gradient = default;
        }
    }

    /// <summary>From the loss backwards, segment by segment; targets are marked.</summary>
    public void Reverse(int loss, T seed)
    {
        this[loss].IsKept = true;
        for (int i = 0; i <= loss; i++)
            foreach (int input in Inputs(this[i]))
                this[i].Reaches |= this[input].Reaches;
        if (!this[loss].Reaches)
            return;
        device.Fill(GradientOf(loss), seed);
        for (int segment = _segments.Count - 1, end = loss + 1; segment >= 0; end = _segments[segment--])
        {
            Restore(_segments[segment], end);
            for (int i = end - 1; i >= _segments[segment]; i--)
                if (this[i] is { Op: not null, Reaches: true, Gradient.IsEmpty: false })
                    Reverse(ref this[i]);
        }
    }

    public View<T> GradientOf(int index)
    {
        ref var node = ref this[index];
        if (node.Gradient.IsEmpty)
            node.Gradient = wave.Allocate<T>(node.Value.Shape, clear: true);
        return node.Gradient;
    }

    public void Clear()
    {
        _nodes.Clear();
        _inputs.Clear();
        _segments.RemoveRange(1, _segments.Count - 1);
    }

    /// <summary>
    /// Computes again what is dropped of the nodes from first to end, if a gradient goes through any.
    /// </summary>
    private void Restore(int first, int end)
    {
        bool reached = false;
        for (int i = first; i < end; i++)
            reached |= this[i].Reaches;
        for (int i = first; reached && i < end; i++)
        {
            ref var node = ref this[i];
            if (!node.IsDropped)
                continue;
            node.Value = wave.Allocate<T>(node.Value.Shape);
            if (!node.Saved.IsEmpty)
                node.Saved = wave.Allocate<T>(node.Saved.Shape);
            node.IsDropped = false;
            Run(i);
        }
    }

    private void Reverse(ref Node<T> node)
    {
        var inputs = Inputs(node);
        bool wanted = false;
        _operands.Begin(inputs.Length, node.Value, node.Saved, node.Ids, node.Random);
        _operands.Dy = node.Gradient;
        for (int i = 0; i < inputs.Length; i++)
        {
            bool reaches = this[inputs[i]].Reaches;
            _operands.Input(i, this[inputs[i]].Value, reaches ? GradientOf(inputs[i]) : default);
            wanted |= reaches;
        }

        if (wanted)
            device.Backward(node.Op!, _operands);
        Drop(ref node);                     // whoever used it stands behind it and had its turn
        if (!node.IsTarget)
            wave.Free(node.Gradient);
    }

    private void Drop(ref Node<T> node)
    {
        if (node.Op is null || node.IsKept || node.IsDropped)
            return;
        wave.Free(node.Value);
        wave.Free(node.Saved);
        node.IsDropped = true;
    }
}
