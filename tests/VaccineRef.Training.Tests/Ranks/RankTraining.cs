using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Ranks;

/// <summary>What a training ended with on one rank.</summary>
internal sealed record RankOutcome(double[] Weights, StepRecord[] Records, TrainReport Report, object Meter);

/// <summary>A small training on some ranks.</summary>
internal static class RankTraining
{
    /// <summary>On so many ranks, each a thread: what each ends with.</summary>
    public static RankOutcome[] Run<T>(TinyModel tiny, RuleOptions rule, TrainOptions options, int ranks)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var outcomes = new RankOutcome[ranks];
        LocalRanks.Run(ranks, rank => outcomes[rank.Rank] = Run<T>(tiny, rule, options, rank));
        return outcomes;
    }

    /// <summary>On one rank.</summary>
    public static RankOutcome Run<T>(
        TinyModel tiny, RuleOptions options, TrainOptions training, ICommunicator ranks,
        ICheckpoints<T>? checkpoints = null,
        Action<StepRecord>? onStep = null, CancellationToken cancel = default)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var device = new CpuDevice(1);
        using var run = new TinyRun<T>(tiny, device);
        var rule = options.Make<T>(device);
        using var disposable = rule as IDisposable;
        var meter = new PerturbationMeter<T>(run.Objective) { IsOn = true };
        var streams = run.Streams.ToDictionary(
            each => each.Key, each => new BatchStream(tiny.Other(each.Key), 2, tiny.Random.At(each.Key)));
        var records = new List<StepRecord>();
        var report = new Trainer<T>(device, run.Model.Trainable, meter, rule, training, streams, ranks).Run(
            Rows(tiny),
            step =>
            {
                records.Add(step);
                onStep?.Invoke(step);
            },
            checkpoints, cancel);
        return new(
            run.Weights, [.. records], report with { Seconds = 0 },
            (meter.Bytes, meter.StateBytes, meter.Tokens, meter.Tokens > 0 ? meter.Means : default));
    }

    /// <summary>A step's record without its time.</summary>
    public static string Text(StepRecord record) =>
        $"{record with { Seconds = 0, Scalars = null }} {string.Join(' ', record.Scalars?.Select(each => $"{each}") ?? [])}";

    // six rows: with accumulation 4 and batches of one, every second step has two micro-batches
    private static TokenSequence[] Rows(TinyModel tiny) => [.. tiny.Sequences, .. tiny.Other("more")];
}
