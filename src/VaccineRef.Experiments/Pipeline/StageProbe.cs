using System.Diagnostics;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// Estimates how long stages take: a few steps of each on the device that will compute it, and a few rows of the evaluation. What was
/// measured is stretched to all tokens and all rows, so that it is an estimate and no more.
/// </summary>
public static class StageProbe
{
    private const int MostSteps = 4, MostRows = 4;
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(2);

    /// <summary>Probes every planned stage.</summary>
    /// <param name="plan">The stages.</param>
    /// <param name="forecast">What they will do.</param>
    /// <param name="device">Where they will be computed.</param>
    /// <param name="budget">How long may be probed; what is left after that stays unknown.</param>
    /// <returns>Seconds of one of each planned stage; null where it was not probed.</returns>
    public static IReadOnlyList<double?> Of(StagePlan plan, RunForecast forecast, Device device, TimeSpan budget)
    {
        using var stop = new CancellationTokenSource(budget);
        var seconds = new List<double?>();
        foreach (var (group, planned) in plan.Nodes.GroupBy(RunForecast.Label).Zip(forecast.Planned))
            seconds.Add(stop.IsCancellationRequested ? null : group.First().Recipe.Precision == Precision.Double
                ? new Probe<double>(group.First(), plan.Files, device, stop.Token).Seconds(planned)
                : new Probe<float>(group.First(), plan.Files, device, stop.Token).Seconds(planned));
        return seconds;
    }

    private sealed class Probe<T>(StageNode node, DataFiles files, Device device, CancellationToken cancel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        private Recipe Recipe => node.Recipe;

        public double? Seconds(PlannedStage planned)
        {
            try
            {
                var random = RandomStream.FromSeed(node.Trial.Seed);
                using var model = Recipe.Model.Load<T>(files.Folder, device, random);
                var reader = new DataReader(Recipe, files, Recipe.Model.Tokenizer(files.Folder));
                double measuring = Measuring(model, reader);
                if (node.Stage is not TrainStageOptions stage)
                    return node.Stage is null && !Recipe.Model.IsTrained ? 0 : measuring;
                if (node.AdapterFrom.Stage is TrainStageOptions { Adapter: LoraOptions lora })
                    Lora.Attach(model, lora.Config(), random);
                int times = node.IsAttack && Recipe.Evaluation?.CurvePoints is > 0 and var points ? points + 2 : 1;
                return (SecondsPerToken(model, stage, reader) * planned.Tokens) + (times * measuring);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }

        private double SecondsPerToken(Model<T> model, TrainStageOptions stage, DataReader reader)
        {
            var options = stage.Training.For(0);
            var rows = reader.Training(stage);
            var batch = PackedBatch.Pack([.. rows.Take(options.BatchSize)]);
            var rule = stage.Rule.Make<T>(device);
            using var disposableRule = rule as IDisposable;
            var objective = stage.Objective.Make(new ObjectiveContext<T>(
                model, () => [.. reader.Stage(Recipe.Before(stage)!).Sequences.Take(options.BatchSize)], options.BatchSize,
                _ => Recipe.Model.Load<T>(files.Folder, device, RandomStream.FromSeed(node.Trial.Seed))));
            using var disposableObjective = objective as IDisposable;
            using var step = new TrainStep<T>(
                model.Trainable, objective, rule, options.Step, device, StageStreams.Of(stage, reader, RandomStream.FromSeed(0)));
            step.Run(0, batch);                                         // warms up; the rate 0 leaves the weights as they are
            var clock = Stopwatch.StartNew();
            var seconds = new List<double>();
            while (seconds.Count < MostSteps && clock.Elapsed < Enough)
            {
                cancel.ThrowIfCancellationRequested();
                seconds.Add(step.Run(0, batch).Seconds);
            }

            return seconds.Average() / batch.Rows;
        }

        /// <summary>Seconds to measure the model once.</summary>
        private double Measuring(Model<T> model, DataReader reader)
        {
            if (Recipe.Evaluation is null)
                return 0;
            var (few, share) = Few(Recipe.Evaluation, reader);
            var small = new DataReader(Recipe with { Evaluation = few }, files, reader.Tokenizer);
            using var evaluation = few.Open<T>(small, Recipe.Probed, device, Recipe.Model.Kept);
            var clock = Stopwatch.StartNew();
            evaluation.Measure(model, null, cancel);
            return clock.Elapsed.TotalSeconds * share;
        }

        /// <summary>An evaluation of a few rows, and how many times as long the whole one takes.</summary>
        private static (EvaluationOptions Few, double Share) Few(EvaluationOptions options, DataReader reader)
        {
            if (options is not HeldOutOptions held)
                return (options, 1);
            int all = Math.Max(1, held.HeldOut(reader).Count());
            FileDataOptions? Cut(FileDataOptions? file) =>
                file is null ? null : file with { Count = file.Count > 0 ? Math.Min(file.Count, MostRows) : MostRows };
            int few = (held.Harmful is null ? 0 : MostRows) + (held.Task is null ? 0 : MostRows);
            return all <= few
                ? (held, 1)
                : (held with { Harmful = Cut(held.Harmful), Task = Cut(held.Task), ProbeCount = MostRows }, (double)all / Math.Max(1, few));
        }
    }
}
