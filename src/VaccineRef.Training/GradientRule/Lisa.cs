using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of Lisa; the defaults are those of its paper.</summary>
/// <param name="Rho">The weight of the proximal term, at least 0; at 0 the two states only alternate.</param>
/// <param name="AlignmentSteps">
/// Steps on the alignment data before each switch; at 0 there are none, and the rule is the plain one.
/// </param>
/// <param name="TaskSteps">Steps on the stage's own data before each switch.</param>
/// <param name="FreeShare">The share of the steps at the beginning that have no proximal term.</param>
public sealed record LisaOptions(double Rho = 1, int AlignmentSteps = 100, int TaskSteps = 900, double FreeShare = 0.1)
    : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => string.Concat(
        $"Lisa, rho = {NumberText.Of(Rho)}, {AlignmentSteps} and {TaskSteps} steps",
        FreeShare == 0.1 ? "" : $", free share {NumberText.Of(FreeShare)}");

    /// <inheritdoc/>
    public override PassCount Passes() => new(1, 1);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Alignment];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Lisa<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Rho, $"{path}.rho", "rho is no weight");
        if (AlignmentSteps < 0)
            throw new InputException(
                "that is not a number of steps", $"{path}.alignment_steps", $"{AlignmentSteps}",
                "a whole number, at least 0");
        RequireCount(TaskSteps, $"{path}.task_steps", "that is not a number of steps");
        if (FreeShare is not (>= 0 and <= 1))
            throw new InputException(
                "that is no share of the steps", $"{path}.free_share", NumberText.Of(FreeShare), "between 0 and 1");
    }
}

/// <summary>
/// Fine-tunes in two states that take turns, one on alignment data and one on the user's, each held near the weights
/// with which the other ended. One forward and one reverse pass, and two copies of what is trained.
/// <code>
/// K1 steps   g = df/dw on the stream "alignment" + rho (w - w_task)
/// K2 steps   g = df/dw on the stage's batch      + rho (w - w_alignment)
/// switch     the state that is left keeps its weights: w_alignment or w_task. Both are the first weights at the
/// beginning
/// </code>
/// Without the proximal term in the first tenth of the steps. A batch of the stage that comes while the alignment has
/// its turn is not trained on. Source: Huang et al., "Lisa: lazy safety alignment", NeurIPS 2024, arXiv 2405.18641,
/// Algorithm 1; git-disl/Lisa, trainer.py, whose README swaps the names of the two copies.
/// </summary>
public sealed class Lisa<T> : IGradientRule<T>, IKeepsState<T>, IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly LisaOptions _options;
    private readonly ParameterVector<T> _alignment, _task;
    private bool? _aligning;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public Lisa(LisaOptions options, Device device)
    {
        options.Validate("rule");
        (_options, _alignment, _task) = (options, new(device), new(device));
    }

    /// <inheritdoc/>
    public string Name => "lisa";

    /// <inheritdoc/>
    public long StateBytes => _alignment.Bytes + _task.Bytes;

    /// <summary>Whether the last step was one on the alignment data.</summary>
    public bool IsAligning => _aligning == true;

    /// <inheritdoc/>
    public void Survey(IObjective<T> objective, StepBatches batches, TrainState<T> state) => Turn(state);

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        Turn(state);
        if (IsAligning)
            (objective, batch) = (objective.Aligning, state.Next(StreamName.Alignment));
        else
            state.Require(StreamName.Alignment);
        double loss = state.Descend(objective, batch, state.Pass(new NoTap<T>()), scale);
        if (_options.Rho > 0 && _options.AlignmentSteps > 0 && state.Step > _options.FreeShare * state.PlannedSteps)
        {
            double weight = _options.Rho * scale;
            foreach (var parameter in state.Trainable.Where(parameter => !state.IsHeld(parameter)))
                state.Tape.Device.Run(new Kernels.AddScaled<T>(weight), parameter.Value, parameter.Gradient);
            (IsAligning ? _task : _alignment).AddToGradients(-weight);
        }

        return new(loss);
    }

    /// <inheritdoc/>
    public void Exchange(KeptState<T> state)
    {
        const int Undecided = 0, Aligning = 1, Task = 2;
        int turn = state.Part("turn", _aligning is null ? Undecided : IsAligning ? Aligning : Task);
        _aligning = turn == Undecided ? null : turn == Aligning;
        if (turn == Undecided)
            return;                     // no copy was made yet
        _alignment.Exchange(state.Within("alignment"));
        _task.Exchange(state.Within("task"));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _alignment.Dispose();
        _task.Dispose();
    }

    private void Turn(TrainState<T> state)
    {
        bool aligning =
            (state.Step - 1) % ((long)_options.AlignmentSteps + _options.TaskSteps) < _options.AlignmentSteps;
        if (aligning == _aligning || _options.AlignmentSteps == 0)
            return;
        if (_aligning is not false)
            _alignment.CopyValues(state.Trainable);
        if (_aligning is not true)
            _task.CopyValues(state.Trainable);
        _aligning = aligning;
    }
}
