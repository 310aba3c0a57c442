namespace VaccineRef.Core;

/// <summary>
/// The body of a parallel loop as a struct: <see cref="Workers.Run{TBody}"/> calls it without a delegate, so that a
/// kernel that forks thousands of times a second gives the garbage collector nothing to do.
/// </summary>
public interface ILoopBody
{
    /// <summary>Does the work of one index. Called from any thread of the team, each index once, in no fixed
    /// order.</summary>
    /// <param name="index">The index, in [0, count).</param>
    void Run(int index);
}
