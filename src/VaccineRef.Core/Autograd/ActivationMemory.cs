using System.Numerics;

namespace VaccineRef.Core;

/// <summary>Whether the value of a node is in memory, and what becomes of it.</summary>
internal enum ValueState : byte
{
    /// <summary>In memory. It may be given up as soon as nobody uses it any more.</summary>
    Live,

    /// <summary>In memory, and a released value will be computed again from it.</summary>
    Pinned,

    /// <summary>
    /// In memory until the tape is cleared: the result of a segment, the loss, or what somebody reads later.
    /// </summary>
    Kept,

    /// <summary>
    /// Given up while recording. The reverse pass runs the op again if it reads the value. What the op saved is still
    /// there.
    /// </summary>
    Released,

    /// <summary>Like <see cref="Released"/>, but no reverse pass will read the value.</summary>
    Unread,

    /// <summary>
    /// The value and what the op saved are given up, at the end of a segment or after the node's turn in the reverse
    /// pass.
    /// </summary>
    Dropped,

    /// <summary>Like <see cref="Dropped"/>, but only computed again if another value is computed from it.</summary>
    DroppedUnread,
}

/// <summary>
/// Decides which activations stay in memory. Values that no later call uses are given up while recording
/// (<see cref="Release"/>, <see cref="EndSegment"/>), values that the reverse pass has used are given up on its way,
/// and what was given up is computed again when it is needed. No result changes by a bit.
/// </summary>
internal sealed class ActivationMemory<T>(Arena arena, Recording<T> recording)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int MostInputs = 16;

    private readonly List<int> _segments = [0];     // the first node of each segment; all but the last are dropped
    private readonly List<(int After, int Node, ValueState State)> _releases =
        [];    // After: the last call before the release
    private int _firstRestored;                     // the reverse pass under way has everything from this node on

    /// <summary>Keeps the values from this node on in memory until the tape is cleared.</summary>
    public void KeepFrom(int index)
    {
        for (int i = index; i < recording.Count; i++)
            if (recording[i].IsInMemory)
                recording[i].State = ValueState.Kept;
    }

    /// <summary>The number of the segment that is being recorded, from 0.</summary>
    public int Segment => _segments.Count - 1;

    /// <summary>
    /// Ends a segment. Everything that it computed except <paramref name="result"/> is dropped, if it
    /// <paramref name="drops"/>.
    /// </summary>
    public void EndSegment(int result, bool drops)
    {
        if (drops)
        {
            recording[result].State = ValueState.Kept;
            for (int i = _segments[^1]; i < recording.Count; i++)
                Drop(ref recording[i]);
        }

        _segments.Add(recording.Count);
    }

    /// <summary>
    /// Gives up a value that no later call uses, if no reverse pass reads it or if it costs little to compute it again
    /// from values that are in memory. Otherwise it stays.
    /// </summary>
    public void Release(int index)
    {
        ref var node = ref recording[index];
        if (node is not { Op: { } op, State: ValueState.Live or ValueState.Pinned })
            return;
        bool read = op.ReadsOutput || node.State == ValueState.Pinned || IsReadByACall(index);
        if (read && !IsCheapToComputeAgain(node))
            return;
        foreach (int input in read ? recording.Inputs(node) : [])
            if (recording[input].State == ValueState.Live)
                recording[input].State = ValueState.Pinned;
        var state = read ? ValueState.Released : ValueState.Unread;
        _releases.Add((recording.Count - 1, index, state));
        GiveUp(ref node, state);
    }

    /// <summary>Releases what was recorded between two nodes.</summary>
    public void ReleaseBetween(int from, int result)
    {
        for (int i = from + 1; i < result; i++)
            Release(i);
    }

    /// <summary>Prepares for a reverse pass that begins at <paramref name="loss"/>.</summary>
    public void BeginReverse(int loss)
    {
        recording[loss].State = ValueState.Kept;
        _firstRestored = loss + 1;
    }

    /// <summary>
    /// Must be called with every node on the way back. Where the pass enters a segment, computes again what was dropped
    /// of it, and releases on the way what was released when it was recorded.
    /// </summary>
    public void Restore(int index)
    {
        if (index >= _firstRestored)
            return;
        int end = _firstRestored, segment = _segments.BinarySearch(index);
        int first = _firstRestored = _segments[segment < 0 ? ~segment - 1 : segment];
        if (!NeedsGradient(first, end))
            return;
        for (int i = end - 1; i >= first; i--)
            foreach (int input in recording[i].State == ValueState.Dropped ? recording.Inputs(recording[i]) : [])
                if (recording[input].State == ValueState.DroppedUnread)
                    recording[input].State = ValueState.Dropped;           // unread, but needed for what is read
        int release = _releases.FindIndex(given => given.After >= first);
        for (int i = first; i < end; i++)
        {
            if (recording[i].State == ValueState.Dropped)
                RunAgain(i);
            for (; release >= 0 && release < _releases.Count && _releases[release].After == i; release++)
                GiveUp(ref recording[_releases[release].Node], _releases[release].State);
        }
    }

    /// <summary>Computes a value again if it was released.</summary>
    public void Require(int index)
    {
        if (recording[index].State is ValueState.Released or ValueState.Unread)
            RunAgain(index);
    }

    /// <summary>
    /// Before a node's turn in the reverse pass: whoever used its value has had its turn, so that the value's memory is
    /// free for gradients, unless the op reads it itself.
    /// </summary>
    public void GiveUpOutput(ref Node<T> node)
    {
        if (!node.Op!.ReadsOutput)
            GiveUp(ref node, ValueState.Released);
    }

    /// <summary>Gives up the value and what the op saved for the reverse pass.</summary>
    public void Drop(ref Node<T> node)
    {
        if (node.Op is null || node.State is ValueState.Kept or ValueState.Dropped or ValueState.DroppedUnread)
            return;
        var state = node.State == ValueState.Unread ? ValueState.DroppedUnread : ValueState.Dropped;
        GiveUp(ref node, state);
        arena.Free(node.Saved);
        node.State = state;
    }

    /// <summary>
    /// Runs every call again into the memory it had. Released values are written again in the same order, and so are
    /// right when they are read.
    /// </summary>
    public void Replay()
    {
        Span<Shape> shapes = stackalloc Shape[MostInputs];
        for (int i = 0; i < recording.Count; i++)
        {
            ref var node = ref recording[i];
            if (node.Op is null)
                continue;
            if (node.State is not (ValueState.Released or ValueState.Unread))
                RequireInMemory(i);
            var inputs = recording.Inputs(node);
            for (int k = 0; k < inputs.Length; k++)
                shapes[k] = recording[inputs[k]].Value.Shape;
            node.Op.Check(shapes[..inputs.Length], node.Ids.Span);
            recording.Run(i);
        }
    }

    /// <exception cref="InvalidOperationException">The value has been given up.</exception>
    public void RequireInMemory(int index)
    {
        if (!recording[index].IsInMemory)
            throw new InvalidOperationException(
                "This value is void: it was released, or given up by the end of a segment or by a reverse pass.");
    }

    public void Clear()
    {
        _releases.Clear();
        _segments.RemoveRange(1, _segments.Count - 1);
    }

    // The value, but not what the op saved.
    private void GiveUp(ref Node<T> node, ValueState state)
    {
        if (node.State is not (ValueState.Live or ValueState.Pinned))
            return;
        arena.Free(node.Value);
        node.State = state;
    }

    private void RunAgain(int index)
    {
        ref var node = ref recording[index];
        foreach (int input in recording.Inputs(node))
            if (!recording[input].IsInMemory)
                RunAgain(input);
        node.Value = arena.Allocate<T>(node.Value.Shape);
        if (node.State is ValueState.Dropped or ValueState.DroppedUnread && !node.Saved.IsEmpty)
            node.Saved = arena.Allocate<T>(node.Saved.Shape);
        node.State = ValueState.Live;
        recording.Run(index);
    }

    private bool NeedsGradient(int first, int end)
    {
        for (int i = first; i < end; i++)
            if (recording[i].NeedsGradient)
                return true;
        return false;
    }

    private bool IsCheapToComputeAgain(in Node<T> node)
    {
        foreach (int input in recording.Inputs(node))
            if (!recording[input].IsInMemory)
                return false;
        return node.Op!.IsCheap && !node.Op.ReadsOutput;
    }

    // Whether the reverse pass through a call recorded so far reads this value.
    private bool IsReadByACall(int index)
    {
        for (int i = index + 1; i < recording.Count; i++)
            for (int k = 0; k < recording[i].InputCount; k++)
                if (recording.Inputs(recording[i])[k] == index && Reads(recording[i], k))
                    return true;
        return false;
    }

    private static bool Reads(in Node<T> node, int k)
    {
        for (int i = 0; i < node.InputCount; i++)
            if (node.Op!.Reads(k, i))
                return true;
        return false;
    }
}
