using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Runs;

/// <summary>What a run is doing, for whoever draws it.</summary>
/// <param name="Stage">"alignment", "attack", "evaluation, aligned", ...</param>
/// <param name="Step">The last step of a training stage.</param>
/// <param name="Steps">Steps of that stage.</param>
public readonly record struct RunProgress(string Stage, StepRecord? Step = null, int Steps = 0);

/// <summary>
/// A recipe's whole run: measure the base, align, measure, attack, measure; write everything down. Stages: align, merge, fresh
/// adapter, fine-tune (double LoRA); the same adapter throughout (single LoRA); or every weight.
/// </summary>
public sealed class Experiment<T>(Recipe recipe, string recipeFolder, Device device, Action<RunProgress> progress)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly List<TrainedStage> _stages = [];
    private readonly List<Measurement> _measurements = [];

    /// <summary>Runs and writes into <paramref name="output"/>, a new or empty folder.</summary>
    /// <exception cref="InputException">
    /// Something the user gave is wrong: nothing was trained and nothing is left. Or the disk is full.
    /// </exception>
    /// <exception cref="NonFiniteException">A loss or gradient is not finite.</exception>
    public RunReport Run(string output, CancellationToken cancel)
    {
        string modelFolder = Path.GetFullPath(Path.Combine(recipeFolder, recipe.Model));
        var tokenizer = TextTokenizer.Load(modelFolder);
        var data = new ExperimentData(recipe, recipeFolder, tokenizer);
        var rule = Methods.Rule<T>(recipe.Alignment?.Method ?? new MethodChoice(), device);
        using var disposable = rule as IDisposable;
        var judge = Judges.Open<T>(recipe.Evaluation, recipeFolder, device, recipe.Weights);
        using var disposableJudge = judge as IDisposable;
        using var model = BaseModel.Load<T>(recipe, recipeFolder, device);
        using var folder = new RunFolder(output);
        try
        {
            var evaluator = new Evaluator<T>(model, tokenizer, data.Template, recipe.Evaluation, judge, recipe.Seed);
            return Run(model, data, rule, evaluator, folder, cancel);
        }
        catch (InputException) when (folder.Lines == 0)
        {
            folder.Remove();
            throw;
        }
    }

    private RunReport Run(
        Model<T> model, ExperimentData data, IGradientRule<T> rule, Evaluator<T> evaluator, RunFolder folder,
        CancellationToken cancel)
    {
        folder.Write(RunFolder.Recipe, RecipeReader.Write(recipe));
        folder.Write(RunFolder.Manifest, data.Manifest.ToJson());
        try
        {
            Stages(model, data, rule, evaluator, folder, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // a measurement was cut short: what was trained and measured before it is written
        }

        var report = Report(model, cancel.IsCancellationRequested);
        folder.Write(RunFolder.Report, report.ToJson());
        folder.Write(RunFolder.Table, RunTable.Markdown([report]));
        return report;
    }

    private void Stages(
        Model<T> model, ExperimentData data, IGradientRule<T> rule, Evaluator<T> evaluator, RunFolder folder, CancellationToken cancel)
    {
        int probes = recipe.Evaluation.ProbeCount;
        IReadOnlyList<TokenSequence> probe = [.. data.Alignment.Take(probes > 0 ? probes : data.Alignment.Count)];
        Measure("base", model, data, probe, evaluator, null, cancel);
        if (recipe.Alignment is { } alignment)
        {
            Attach(model, alignment.Lora, "alignment adapter");
            var loss = new CrossEntropyObjective<T>(model.Network);
            Train("alignment", model, loss, rule, alignment.Training, data.Alignment, folder, cancel);
            cancel.ThrowIfCancellationRequested();
            Measure("aligned", model, data, probe, evaluator, null, cancel);
        }

        if (recipe.Attack is not { } attack)
            return;
        using var drift = probe.Count > 0
            ? new EmbeddingDrift<T>(model.Network, probe.Chunk(16).Select(PackedBatch.Pack), device)
            : null;
        if (attack.Adapter != AttackAdapter.Same)
            model.MergeAdapter();
        if (attack.Adapter == AttackAdapter.Fresh)
            Attach(model, attack.Lora, "attack adapter");
        var objective = Defenses.Objective(attack.Defense, model, data.Alignment, attack.Training.BatchSize);
        using var disposable = objective as IDisposable;
        Train("attack", model, objective, new Plain<T>(), attack.Training, data.Attack, folder, cancel);
        cancel.ThrowIfCancellationRequested();
        Measure("attacked", model, data, probe, evaluator, drift?.Measure(), cancel);
    }

    private void Attach(Model<T> model, LoraChoice? choice, string name)
    {
        if (choice is not null)
            Lora.Attach(model, choice.Config(), RandomStream.FromSeed(recipe.Seed).At(name));
    }

    private void Train(
        string stage, Model<T> model, IObjective<T> objective, IGradientRule<T> rule, TrainingChoice training,
        IReadOnlyList<TokenSequence> data, RunFolder folder, CancellationToken cancel)
    {
        var options = training.Options(RandomStream.FromSeed(recipe.Seed).At(stage).Key);
        var trainable = model.Trainable;
        var trainer = new Trainer<T>(device, trainable, objective, rule, options);
        int steps = options.Steps(data.Count);
        var report = trainer.Run(data, step =>
        {
            folder.Add(stage, step);
            progress(new(stage, step, steps));
        }, cancel);
        _stages.Add(new(stage, rule.Name, trainable.Sum(parameter => parameter.Shape.Count), report));
        string name = stage == "alignment" ? "aligned" : "attacked";
        if (model.Adapter is null)
            model.Save(folder.In(name));
        else
            model.Adapter.Save(folder.In($"{name}-adapter"));
    }

    private void Measure(
        string moment, Model<T> model, ExperimentData data, IReadOnlyList<TokenSequence> probe, Evaluator<T> evaluator, Drift? drift,
        CancellationToken cancel)
    {
        progress(new($"evaluation, {moment}"));
        double? loss = probe.Count > 0
            ? AlignmentLoss.Of(new CrossEntropyObjective<T>(model.Network), probe, device)
            : null;
        _measurements.Add(new(moment, [.. evaluator.Harmful(data.HarmfulTest, cancel), .. evaluator.Task(data.TaskTest, cancel)], loss, drift));
    }

    private RunReport Report(Model<T> model, bool interrupted) => new(
        recipe.Name, Describe(recipe.Alignment?.Method, recipe.Attack?.Defense), recipe.Attack?.HarmfulRatio, recipe.Attack?.Samples, recipe.Seed,
        $"{model.Network.Shape.Family}, {model.Network.Parameters.Sum(parameter => parameter.Shape.Count)} parameters",
        _stages, _measurements, interrupted);

    private static string Describe(MethodChoice? method, DefenseChoice? defense)
    {
        static string Number(string name, double? value) =>
            value is { } number ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $" {name}={number}") : "";
        string alignment = method is null
            ? "not aligned"
            : method.Rule + Number("rho", method.Rho) + Number("tau", method.Tau) + Number("variance", method.Variance);
        return defense is null ? alignment : $"{alignment} + {defense}";
    }
}
