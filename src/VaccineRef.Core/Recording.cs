using System.Numerics;
using System.Runtime.InteropServices;

namespace VaccineRef.Core;

/// <summary>
/// What a tape has recorded: nodes in the order of their calls, how to run them again, and how to run them backwards.
/// </summary>
internal sealed class Recording<T>(Device device, Arena wave) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly List<Node<T>> _nodes = [];
    private readonly List<int> _inputs = [];
    private readonly List<int> _segments = [0];     // the first node of each; of all but the last only results are kept
    private readonly List<(int After, int Node)> _releases = [];    // which node, and the last call before that
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

    /// <summary>
    /// Gives a value up that no later call uses: for good, if no reverse pass reads it; until then, if it costs little
    /// to compute again from values that are kept. Otherwise it stays.
    /// </summary>
    public void Release(int index)
    {
        ref var node = ref this[index];
        if (node.Op is null || node.IsDropped || node.IsKept)
            return;
        if (node.Op.ReadsOutput || node.IsPinned || IsReadByACall(index))
        {
            bool again = node.Op.IsCheap && !node.Op.ReadsOutput;
            foreach (int input in Inputs(node))
                again &= !this[input].IsDropped;
            if (!again)
                return;
            foreach (int input in Inputs(node))
                this[input].IsPinned = true;
        }
        else
        {
            node.IsUnread = true;
        }

        _releases.Add((Count - 1, index));
        GiveUp(ref node);
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

    public View<T> GradientOf(int index, bool clear = true)
    {
        ref var node = ref this[index];
        if (node.Gradient.IsEmpty)
            node.Gradient = wave.Allocate<T>(node.Value.Shape, clear);
        return node.Gradient;
    }

    public void Clear()
    {
        _nodes.Clear();
        _inputs.Clear();
        _releases.Clear();
        _segments.RemoveRange(1, _segments.Count - 1);
    }

    /// <summary>
    /// Computes again what is dropped of the nodes from first to end, if a gradient goes through any, releasing on the
    /// way what was released the first time; what is neither read nor needed for what is read stays dropped.
    /// </summary>
    private void Restore(int first, int end)
    {
        bool reached = false;
        for (int i = first; i < end; i++)
            reached |= this[i].Reaches;
        if (!reached)
            return;
        for (int i = end - 1; i >= first; i--)
        {
            ref var node = ref this[i];
            node.IsWanted = node.IsDropped && !node.IsReleased && (node.IsWanted || !node.IsUnread);
            foreach (int input in node.IsWanted ? Inputs(node) : [])
                this[input].IsWanted = true;
        }

        int release = _releases.FindIndex(given => given.After >= first);
        for (int i = first; i < end; i++)
        {
            if (this[i] is { IsWanted: true, IsDropped: true })
                RunAgain(i);
            for (; release >= 0 && release < _releases.Count && _releases[release].After == i; release++)
                if (this[_releases[release].Node] is { IsDropped: false, IsKept: false })
                    GiveUp(ref this[_releases[release].Node]);
            this[i].IsWanted = false;
        }
    }

    // The value anew, from inputs that are there or can be computed again themselves.
    private void RunAgain(int index)
    {
        ref var node = ref this[index];
        foreach (int input in Inputs(node))
            if (this[input].IsDropped)
                RunAgain(input);
        node.Value = wave.Allocate<T>(node.Value.Shape);
        if (!node.IsReleased && !node.Saved.IsEmpty)       // given up with the value
            node.Saved = wave.Allocate<T>(node.Saved.Shape);
        node.IsDropped = node.IsReleased = false;
        Run(index);
    }

    // Whether the reverse pass through some call recorded so far reads this value.
    private bool IsReadByACall(int index)
    {
        for (int i = index + 1; i < Count; i++)
            for (int k = 0; k < this[i].InputCount; k++)
                if (Inputs(this[i])[k] == index && IsRead(this[i], k, reached: false))
                    return true;
        return false;
    }

    // Whether the op reads input k for the gradient of any input, or of any that is reached.
    private bool IsRead(in Node<T> node, int k, bool reached)
    {
        var inputs = Inputs(node);
        for (int i = 0; i < inputs.Length; i++)
            if ((!reached || this[inputs[i]].Reaches) && node.Op!.Reads(k, i))
                return true;
        return false;
    }

    private void Reverse(ref Node<T> node)
    {
        var inputs = Inputs(node);
        if (!node.Op!.ReadsOutput && !node.IsKept && !node.IsDropped)
            GiveUp(ref node);               // whoever used it stands behind it and had its turn: room for gradients
        for (int i = 0; i < inputs.Length; i++)
            if (this[inputs[i]].IsReleased && IsRead(node, i, reached: true))
                RunAgain(inputs[i]);
        bool wanted = false;
        _operands.Begin(inputs.Length, node.Value, node.Saved, node.Ids, node.Random);
        _operands.Dy = node.Gradient;
        for (int i = 0; i < inputs.Length; i++)
        {
            bool reaches = this[inputs[i]].Reaches;
            bool adds = !this[inputs[i]].Gradient.IsEmpty || !node.Op!.Overwrites(i) || inputs.Count(inputs[i]) > 1;
            _operands.Input(i, this[inputs[i]].Value, reaches ? GradientOf(inputs[i], clear: adds) : default, adds);
            wanted |= reaches;
        }

        if (wanted)
            device.Backward(node.Op!, _operands);
        Drop(ref node);
        if (!node.IsTarget)
            wave.Free(node.Gradient);
    }

    // The value, but not what backward needs besides.
    private void GiveUp(ref Node<T> node)
    {
        wave.Free(node.Value);
        node.IsDropped = node.IsReleased = true;
    }

    private void Drop(ref Node<T> node)
    {
        if (node.Op is null || node.IsKept || (node.IsDropped && !node.IsReleased))
            return;
        if (!node.IsReleased)
            wave.Free(node.Value);
        wave.Free(node.Saved);
        node.IsDropped = true;
        node.IsReleased = false;
    }
}
