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
/// Estimates how long stages take: a few steps of each on the device that will compute it, and a few rows of the
/// evaluation. What was measured is stretched to all tokens and all rows, so that it is an estimate and no more.
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
        var shared = new CommonData();
        var seconds = new List<double?>();
        foreach (var (group, planned) in plan.Nodes.GroupBy(RunForecast.Label).Zip(forecast.Planned))
            seconds.Add(stop.IsCancellationRequested ? null : group.First().Recipe.Precision == Precision.Double
                ? new Probe<double>(group.First(), plan.Files, shared, device, stop.Token).Seconds(planned)
                : new Probe<float>(group.First(), plan.Files, shared, device, stop.Token).Seconds(planned));
        return seconds;
    }

    private sealed class Probe<T>(
        StageNode node, DataFiles files, CommonData shared, Device device, CancellationToken cancel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        private Recipe Recipe => node.Recipe;

        public double? Seconds(PlannedStage planned)
        {
            try
            {
                var random = RandomStream.FromSeed(node.Trial.Seed);
                using var model = Recipe.Model.Load<T>(files.Folder, device, random);
                var tokenizer = shared.Once(("tokenizer", Recipe.Model), () => Recipe.Model.Tokenizer(files.Folder));
                var reader = new DataReader(Recipe, files, tokenizer, shared);
                double measuring = Measuring(model, reader);
                if (node.Stage is not TrainStageOptions stage)
                    return node.Stage is null && !Recipe.Model.IsTrained ? 0 : measuring;
                if (node.AdapterFrom.Stage is TrainStageOptions { Adapter: LoraOptions lora })
                    Lora.Attach(model, lora.Config(), random);
                int times = node.IsAttack && Recipe.Evaluation?.CurvePoints is > 0 and var points ? points + 2 : 1;
                return Training(model, stage, reader, planned.Tokens) + (times * measuring);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }

        /// <summary>
        /// Seconds to train on so many tokens, with what the objective does before the first step: EWC goes over all of
        /// its reference.
        /// </summary>
        private double Training(Model<T> model, TrainStageOptions stage, DataReader reader, long tokens)
        {
            var options = stage.Training.For(0);
            var rows = reader.Training(stage);
            var batch = PackedBatch.Pack([.. rows.Take(options.BatchSize)]);
            var rule = stage.Rule.Make<T>(device);
            using var disposableRule = rule as IDisposable;
            IReadOnlyList<TokenSequence> reference =
                stage.NeedsReference ? reader.Stage(Recipe.Before(stage)!).Sequences : [];
            IObjective<T> Make(int most) => stage.Objective.Make(new ObjectiveContext<T>(
                model, () => [.. reference.Take(most)], options.BatchSize,
                _ => Recipe.Model.Load<T>(files.Folder, device, RandomStream.FromSeed(node.Trial.Seed))));
            double preparing = Extrapolated(
                options.BatchSize, reference.Count, most => (Make(most) as IDisposable)?.Dispose());
            var objective = Make(options.BatchSize);
            using var disposableObjective = objective as IDisposable;
            using var step = new TrainStep<T>(
                model.Trainable, objective, rule, options.Step, device,
                StageStreams.Of(stage, reader, RandomStream.FromSeed(0)));
            // warms up; the rate 0 leaves the weights as they are
            step.Run(0, batch);
            var clock = Stopwatch.StartNew();
            var seconds = new List<double>();
            while (seconds.Count < MostSteps && clock.Elapsed < Enough)
            {
                cancel.ThrowIfCancellationRequested();
                seconds.Add(step.Run(0, batch).Seconds);
            }

            return preparing + (seconds.Average() / batch.Rows * tokens);
        }

        /// <summary>
        /// Seconds to measure the model once. Rows are answered together, so that many take less than many times as
        /// long as one.
        /// </summary>
        private double Measuring(Model<T> model, DataReader reader)
        {
            if (Recipe.Evaluation is not HeldOutOptions held)
                return Recipe.Evaluation is { } other ? Measure(model, reader, other) : 0;
            var (harmful, task) = (held.HarmfulRows(reader).Length, held.TaskRows(reader).Length);
            return Extrapolated(MostRows, Math.Max(harmful, task), most => Measure(model, reader, held with
            {
                Harmful = Cut(held.Harmful, Math.Min(harmful, most)),
                Task = Cut(held.Task, Math.Min(task, most)),
                ProbeCount = most,
            }));
        }

        private static FileDataOptions? Cut(FileDataOptions? file, int count) =>
            file is null ? null : file with { Count = count };

        private double Measure(Model<T> model, DataReader reader, EvaluationOptions options)
        {
            var small = new DataReader(Recipe with { Evaluation = options }, files, reader.Tokenizer, shared);
            using var evaluation = options.Open<T>(small, Recipe.Probed, device, Recipe.Model.Kept, Alone.Only);
            var clock = Stopwatch.StartNew();
            evaluation.Measure(model, null, cancel);
            return clock.Elapsed.TotalSeconds;
        }

        /// <summary>
        /// How long some work takes on all of its rows: two small numbers of rows show what every further one adds.
        /// </summary>
        private static double Extrapolated(int few, int all, Action<int> work) => Extrapolated(few, all, rows =>
        {
            var clock = Stopwatch.StartNew();
            work(rows);
            return clock.Elapsed.TotalSeconds;
        });

        private static double Extrapolated(int few, int all, Func<int, double> seconds)
        {
            if (all <= 2 * few)
                return seconds(Math.Max(1, all));
            seconds(1);                                                 // warms up
            double shorter = seconds(few), longer = seconds(2 * few);
            return longer + (Math.Max(0, longer - shorter) / few * (all - (2 * few)));
        }
    }
}
