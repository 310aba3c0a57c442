namespace VaccineRef.Core;

/// <summary>
/// The body of a parallel loop, written as a struct. <see cref="Workers.Run{TBody}"/> calls it without a delegate, so
/// that a kernel that starts thousands of loops a second allocates nothing.
/// </summary>
public interface ILoopBody
{
    /// <summary>Does the work of one index. Each index is passed once, from any thread and in any order.</summary>
    /// <param name="index">The index, in [0, count).</param>
    void Run(int index);
}
