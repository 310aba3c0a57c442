using System.Numerics;

namespace VaccineRef.Training;

/// <summary>
/// Something that remembers from one training step to the next. A rule or an objective that does implements this:
/// without it, a stage that was stopped and goes on would compute other numbers. A test resumes every rule that a
/// recipe can name, and fails for one that forgets.
/// </summary>
public interface IKeepsState<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>
    /// Names each part of the state once; the same call writes it and puts it back (<see cref="KeptState{T}"/>). Called
    /// between steps.
    /// </summary>
    void Exchange(KeptState<T> state);
}

/// <summary>Decides when a training is kept, and where it goes on.</summary>
public interface ICheckpoints<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Called once before the first step: puts back what was kept, if anything was.</summary>
    void Begin(IKeepsState<T> training);

    /// <summary>Called after every step, when everybody has been told of it.</summary>
    /// <param name="step">The number of steps done.</param>
    /// <param name="training">The training.</param>
    void Stepped(int step, IKeepsState<T> training);

    /// <summary>
    /// Called when no further step is taken, because all are done or because the training was stopped.
    /// </summary>
    /// <inheritdoc cref="Stepped"/>
    void Ended(int step, IKeepsState<T> training);
}
