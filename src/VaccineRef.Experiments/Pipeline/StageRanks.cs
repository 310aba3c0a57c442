using VaccineRef.Core;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// Among whom a run is divided. Every rank goes through every stage and finds the same; rank 0 alone writes.
/// </summary>
/// <param name="Each">The ranks.</param>
/// <param name="Reduction">In what order their gradients are added up.</param>
public sealed record StageRanks(ICommunicator Each, GradientReduction Reduction = GradientReduction.Ordered)
{
    /// <summary>One rank.</summary>
    public static StageRanks Alone { get; } = new(Core.Alone.Only);

    /// <summary>Whether this rank writes files and shows progress.</summary>
    public bool Writes => Each.Rank == 0;

    /// <summary>Requires that the steps of what is to be computed can be divided.</summary>
    /// <exception cref="InputException">
    /// There are several trials, a step has too few micro-batches, or a rule cannot be divided.
    /// </exception>
    public void RequireDivisible(IReadOnlyList<Trial> trials)
    {
        if (Each.Size == 1)
            return;
        if (trials.Count > 1)
            throw new InputException(
                "a grid is not divided among ranks", "recipe", $"{trials.Count} trials on {Each.Size} ranks",
                "a recipe of one trial",
                "vaccine lab slurm or vaccine lab work, which divide the trials; or one trial: --set its values, --seeds one");
        foreach (var stage in trials[0].Recipe.Stages.OfType<TrainStageOptions>().Where(stage => !stage.Skip))
        {
            int microBatches = stage.Training.Accumulation;
            if (microBatches < Each.Size)
                throw new InputException(
                    "there are more ranks than a step has micro-batches", $"{stage.Name}.training.accumulation",
                    $"{microBatches} micro-batches for {Each.Size} ranks", "at least one for each rank",
                    $"mpirun -n {microBatches}, or accumulation {Each.Size} and a smaller batch_size");
            if (stage.Rule.Undivided is { } reason)
                throw new InputException(
                    "a rule cannot be divided among ranks", $"{stage.Name}.rule",
                    $"{stage.Rule.Label()} on {Each.Size} ranks: {reason}", "one rank",
                    "run it without mpirun, or with another rule");
        }
    }

    /// <summary>
    /// What the last bits depend on besides the device; empty where the number of ranks changes none.
    /// </summary>
    public string Arithmetic =>
        Each.Size > 1 && Reduction == GradientReduction.Fast ? $", fast sums over {Each.Size} ranks" : "";
}
