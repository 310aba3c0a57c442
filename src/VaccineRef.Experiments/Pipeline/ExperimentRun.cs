using System.Numerics;
using System.Runtime.ExceptionServices;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// Computes the stages of a plan, as many at once as there are devices, each after the one it begins with. What is kept already is not
/// computed again, and what is finished is kept at once. A stage that fails ends the trials that go through it, and no others.
/// </summary>
public sealed class ExperimentRun : IDisposable
{
    // to measure a model once takes about as long as to train on so many sequences
    private const double MeasuredAs = 400;

    private readonly StagePlan _plan;
    private readonly StageStore _store;
    private readonly Action<RunProgress> _progress;
    private readonly object _gate = new();
    private readonly Dictionary<string, StageResult> _done = [];
    private readonly List<FailedStage> _failed = [];
    private readonly List<StageNode> _waiting = [];
    private readonly Dictionary<string, (double Work, double Measuring)> _costs = [];       // of each stage that is missing
    private readonly Dictionary<string, double> _behind = [];       // work of the longest chain of stages that begins with this one
    private readonly List<RunningStage> _running = [];
    private readonly CancellationTokenSource _stop;
    private double _work, _worked;
    private int _kept;

    private ExperimentRun(StagePlan plan, StageStore store, Action<RunProgress> progress, CancellationToken cancel) =>
        (_plan, _store, _progress, _stop) = (plan, store, progress, CancellationTokenSource.CreateLinkedTokenSource(cancel));

    /// <summary>Computes what is missing.</summary>
    /// <param name="plan">The stages.</param>
    /// <param name="store">Where finished stages are kept.</param>
    /// <param name="devices">Where to run: one GPU, or the processor as often as it has threads to give.</param>
    /// <param name="progress">Told of every optimizer step and every finished stage, from any thread, one at a time.</param>
    /// <param name="cancel">Stops after the steps under way.</param>
    /// <param name="together">Where to run a stage that all others wait for: the processor with all its threads.</param>
    /// <exception cref="InputException">What is kept was computed from something else; nothing is changed.</exception>
    public static RunOutcome Run(
        StagePlan plan, StageStore store, IReadOnlyList<Device> devices, Action<RunProgress> progress, CancellationToken cancel,
        Device? together = null)
    {
        store.Require(plan);
        using var run = new ExperimentRun(plan, store, progress, cancel);
        foreach (var node in plan.Nodes)
            run.Take(node);
        run.LookBehind();
        run.Report(null);
        try
        {
            run.All(devices, together);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return new(run._done, run._failed, Interrupted: true);
        }

        return new(run._done, run._failed, cancel.IsCancellationRequested);
    }

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();

    /// <summary>
    /// Passes over sequences, times the size of the model: what a stage's work is measured by; and which share of it is the measuring
    /// at its end.
    /// </summary>
    private (double Work, double Measuring) Work(StageNode node)
    {
        var shape = node.Recipe.Model.Shape(_plan.Files.Folder);
        double once = node.Recipe.Evaluation is null ? 0 : MeasuredAs, training = 1;
        double measuring = once * (node.IsAttack ? 1 + node.Recipe.Evaluation?.CurvePoints ?? 1 : 1);
        if (node.Stage is TrainStageOptions stage)
        {
            var passes = stage.Rule.Passes();
            int examples = stage.Training.BatchSize;
            training += (passes.Forwards + passes.Reverses) / 2 * examples * stage.Training.For(0).Steps(stage.Data.Examples() + (stage.MixedIn?.Count ?? 0));
        }

        double passed = training + measuring;
        return (passed * shape.Hidden * shape.Hidden * shape.Layers, once / passed);
    }

    /// <summary>Takes a stage from the store, or lists it; what it begins with is listed before it.</summary>
    private void Take(StageNode node)
    {
        var found = _store.Find(node, _store.KeepsEverything || _plan.HasChildren(node));
        _store.Tidy(node, found is not null, _plan.Arithmetic);
        if (found is not null)
        {
            _done.Add(node.Hash, found);
            _kept++;
            return;
        }

        _waiting.Add(node);
        _costs[node.Hash] = Work(node);
        _work += _costs[node.Hash].Work;
    }

    private void LookBehind()
    {
        foreach (var node in Enumerable.Reverse(_waiting))
        {
            double chain = _costs[node.Hash].Work + _behind.GetValueOrDefault(node.Hash);
            _behind[node.Hash] = chain;
            if (node.Parent is { } parent)
                _behind[parent.Hash] = Math.Max(_behind.GetValueOrDefault(parent.Hash), chain);
        }
    }

    private void All(IReadOnlyList<Device> devices, Device? together)
    {
        // a thread each: a stage is minutes of arithmetic, and the pool would start the second one late
        ExceptionDispatchInfo? first = null;
        using var wake = _stop.Token.Register(() =>
        {
            lock (_gate)
                Monitor.PulseAll(_gate);
        });
        var threads = devices.Select(device => new Thread(() =>
        {
            try
            {
                Worker(device, together ?? device);
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref first, ExceptionDispatchInfo.Capture(error), null);
                _stop.Cancel();
            }
        })).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        first?.Throw();
    }

    private void Worker(Device device, Device together)
    {
        while (Next() is var (node, alone))
            Compute(node, alone ? together : device);
    }

    /// <summary>
    /// A stage whose beginning is there, when there is one; null if nothing is left. Seed by seed, so that the table fills from the
    /// top, and of a seed the one with the most work behind it, so that none is left over at the end. A stage is alone where everything
    /// else waits for it.
    /// </summary>
    private (StageNode Node, bool Alone)? Next()
    {
        lock (_gate)
        {
            while (true)
            {
                _stop.Token.ThrowIfCancellationRequested();
                if (_waiting.Count == 0)
                    return null;
                var ready = _waiting.FindAll(node => node.Parent is null || _done.ContainsKey(node.Parent.Hash));
                if (ready.Count > 0)
                {
                    var next = ready.Where(node => node.Trial.Seed == ready[0].Trial.Seed).MaxBy(node => _behind[node.Hash])!;
                    bool alone = ready.Count == 1 && _running.Count == 0;
                    _waiting.Remove(next);
                    _running.Add(new(next));
                    return (next, alone);
                }

                Monitor.Wait(_gate);
            }
        }
    }

    private void Compute(StageNode node, Device device)
    {
        var (work, measuring) = _costs[node.Hash];
        double done = 0;
        void Step(RunningStage at)
        {
            lock (_gate)
            {
                double now = Math.Max(done, work * at.Share(measuring));
                (done, _worked) = (now, _worked + now - done);
                _running[_running.FindIndex(each => each.Stage == node)] = at;
                Report(null);
            }
        }

        lock (_gate)
            Report(null);
        var (result, failure) = node.Recipe.Precision == Precision.Double
            ? Attempt<double>(node, device, Step)
            : Attempt<float>(node, device, Step);
        lock (_gate)
        {
            _running.RemoveAll(each => each.Stage == node);
            _worked += work - done;
            if (result is not null)
                _done.Add(node.Hash, result);
            else
                Fail(failure!);
            Report(result is null ? null : (node, result));
            Monitor.PulseAll(_gate);
        }
    }

    private (StageResult? Result, FailedStage? Failure) Attempt<T>(StageNode node, Device device, Action<RunningStage> progress)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        void Notice(string sentence)
        {
            lock (_gate)
                Report(null, sentence);
        }

        var run = new StageRun<T>(node, _plan, _store, device, progress, Notice, _stop.Token);
        try
        {
            return (run.Run(), null);
        }
        catch (Exception error) when (
            error is InputException or NonFiniteException or IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            // it went wrong in this stage: the others do not need it
            return (null, new(node, error, run.SoFar));
        }
    }

    /// <summary>Strikes what begins with a stage that failed.</summary>
    private void Fail(FailedStage failure)
    {
        _failed.Add(failure);
        bool Begins(StageNode? each) => each is not null && (each.Hash == failure.Stage.Hash || Begins(each.Parent));
        _waiting.RemoveAll(Begins);
    }

    private void Report((StageNode, StageResult)? finished, string? notice = null) =>
        _progress(new(_done.Count, _kept, _plan.Nodes.Count, _work > 0 ? _worked / _work : 1, [.. _running], finished, _done, notice));
}
