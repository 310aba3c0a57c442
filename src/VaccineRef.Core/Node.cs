using System.Numerics;

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
    public bool IsReleased;                // given up on the way forward: no later call uses it
    public bool IsPinned;                  // a released value is computed again from it
    public bool IsUnread;                  // released, and no reverse pass reads it
    public bool IsWanted;                  // a value that is computed again needs it
}
