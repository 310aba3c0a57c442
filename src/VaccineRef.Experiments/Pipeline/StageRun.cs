using System.Diagnostics;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// Computes one stage on one device: loads the model that the stage before ended with, trains or edits it, measures it,
/// and keeps what was found. A stage that was stopped goes on from its newest checkpoint.
/// </summary>
/// <param name="node">The stage.</param>
/// <param name="plan">The stages of the run.</param>
/// <param name="store">Where the stage before is, and where this one is kept.</param>
/// <param name="device">Where to compute.</param>
/// <param name="ranks">Among whom it is divided.</param>
/// <param name="progress">Told of every optimizer step, every point of the curve and every answer.</param>
/// <param name="notice">Told in a sentence where the stage goes on, and which files are passed over.</param>
/// <param name="cancel">Stops after the step under way.</param>
internal sealed class StageRun<T>(
    StageNode node, StagePlan plan, StageStore store, Device device, StageRanks ranks, Action<RunningStage> progress,
    Action<string> notice,
    CancellationToken cancel)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly StageComputation<T> _stage = new(
        node, plan.Arithmetic, new(store.StepsOf(node), store.Checkpoints(node, plan.Arithmetic), notice), device,
        earlier => Load(earlier, plan, store, device, node), progress, cancel, ranks);

    /// <summary>What was measured on the way to where the stage failed; null if nothing was.</summary>
    public StageResult? SoFar => _stage.SoFar;

    /// <summary>Computes the stage and keeps it.</summary>
    /// <exception cref="InputException">
    /// Something that the recipe names does not fit, or a file cannot be written.
    /// </exception>
    /// <exception cref="NonFiniteException">A loss or a gradient is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public StageResult Run()
    {
        var clock = Stopwatch.StartNew();
        var (recipe, files) = (node.Recipe, plan.Files);
        Model<T>? model = null;
        DataReader? reader = null;
        IEvaluation<T>? evaluation = null;
        try
        {
            ranks.Each.Agree(() =>
            {
                model = Load(node.Parent, plan, store, device, node);
                reader = new DataReader(recipe, files, recipe.Model.Tokenizer(files.Folder));
                evaluation = recipe.Evaluation?.Open<T>(reader, recipe.Probed, device, recipe.Model.Kept, ranks.Each);
                store.Begin(node);
            });
            var result = _stage.Do(model!, reader!, evaluation);
            result = result with
            {
                Times = result.Times is { } times ? times with { Seconds = clock.Elapsed.TotalSeconds } : null
            };
            ranks.Each.Agree(() => Keep(model!, result));
            return result;
        }
        finally
        {
            evaluation?.Dispose();
            model?.Dispose();
        }
    }

    private void Keep(Model<T> model, StageResult result)
    {
        if (node.Stage is not null && (plan.Keeps(node) || store.KeepsEverything))
            store.Keep(node, model);
        if (result.Measured is not null)
            store.Keep(node, _stage.Answers);
        store.Keep(node, result);
        store.Tidy(node, isFinished: true, plan.Arithmetic);
    }

    /// <summary>The model that an earlier stage ended with; as it is given where there is none.</summary>
    private static Model<T> Load(StageNode? earlier, StagePlan plan, StageStore store, Device device, StageNode node) => earlier is null
        ? node.Recipe.Model.Load<T>(plan.Files.Folder, device, RandomStream.FromSeed(node.Trial.Seed))
        : store.Load<T>(earlier, plan.Files.Folder, device);
}
