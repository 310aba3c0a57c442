using System.Numerics;
using System.Runtime.ExceptionServices;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// Computes the stages of a plan, or a part of them, as many at once as there are devices, each after the one it begins
/// with. What is kept already is not computed again, and what is finished is kept at once. A stage that fails ends the
/// trials that go through it, and no others.
/// </summary>
public sealed class ExperimentRun : IDisposable
{
    private readonly StagePlan _plan;
    private readonly StageStore _store;
    private readonly Action<RunProgress> _progress;
    private readonly HashSet<string> _part;
    private readonly object _gate = new();
    private readonly Dictionary<string, StageResult> _done = [];
    private readonly List<FailedStage> _failed = [];
    private readonly List<StageNode> _waiting = [], _missing = [];
    private readonly Dictionary<string, StageCost> _costs = [];        // of each stage that is missing
    private readonly List<RunningStage> _running = [];
    private readonly CancellationTokenSource _stop;
    private readonly StageRanks _ranks;
    private IReadOnlyDictionary<string, double> _behind = new Dictionary<string, double>();
    private double _work, _worked;
    private int _finished, _kept;

    private ExperimentRun(
        StagePlan plan, HashSet<string> part, StageStore store, StageRanks ranks, Action<RunProgress> progress,
        CancellationToken cancel) =>
        (_plan, _part, _store, _ranks, _progress, _stop) = (
            plan, part, store, ranks, progress, CancellationTokenSource.CreateLinkedTokenSource(cancel));

    /// <summary>Computes what is missing.</summary>
    /// <param name="plan">The stages.</param>
    /// <param name="store">Where finished stages are kept.</param>
    /// <param name="devices">Where to run: one GPU, or the processor as often as it has threads to give.</param>
    /// <param name="progress">
    /// Told of every optimizer step and every finished stage, from any thread, one at a time.
    /// </param>
    /// <param name="cancel">Stops after the steps under way.</param>
    /// <param name="together">
    /// Where to run a stage that all others wait for: the processor with all its threads.
    /// </param>
    /// <param name="part">
    /// The stages to compute; all if it is null. One that begins with a stage which is neither among them nor kept is
    /// not computed.
    /// </param>
    /// <param name="ranks">Among whom each stage is divided, on one device each; nobody if it is null.</param>
    /// <exception cref="InputException">What is kept was computed from something else; nothing is changed.</exception>
    public static RunOutcome Run(
        StagePlan plan, StageStore store, IReadOnlyList<Device> devices, Action<RunProgress> progress,
        CancellationToken cancel,
        Device? together = null, IReadOnlyCollection<StageNode>? part = null, StageRanks? ranks = null)
    {
        part ??= plan.Nodes;
        ranks ??= StageRanks.Alone;
        var needed = part.SelectMany(node => node.Line).ToHashSet();
        using var run = new ExperimentRun(plan, [.. part.Select(node => node.Hash)], store, ranks, progress, cancel);
        ranks.Each.Agree(() =>
        {
            store.Require(plan, needed);
            foreach (var node in plan.Nodes.Where(needed.Contains))
                run.Take(node);
        });
        ranks.Each.RequireSame("the ranks do not find the same finished stages", string.Join(' ', run._done.Keys));
        run._behind = StageCost.Behind(run._waiting, run._costs);
        run.Report(null);
        try
        {
            run.All(devices, together);
        }
        catch (OperationCanceledException error) when (cancel.IsCancellationRequested || error.IsAgreed())
        {
            return run.Outcome(interrupted: true);
        }

        return run.Outcome(cancel.IsCancellationRequested);
    }

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();

    /// <summary>
    /// What was found, and which stages of the part failed, in the order of the plan: it does not depend on which was
    /// computed first.
    /// </summary>
    private RunOutcome Outcome(bool interrupted) => new(
        _done,
        [.. _plan.Nodes.SelectMany(node => _failed.Where(each => each.Stage == node && _part.Contains(node.Hash)))],
        interrupted)
    {
        Missing = _missing,
    };

    /// <summary>Takes a stage from the store, or lists it; what it begins with is listed before it.</summary>
    private void Take(StageNode node)
    {
        bool asked = _part.Contains(node.Hash);
        var found = _store.Find(node, _store.KeepsEverything || _plan.Keeps(node));
        if (asked)
            _store.Tidy(node, found is not null, _plan.Arithmetic);
        if (found is not null)
        {
            _done.Add(node.Hash, found);
            (_finished, _kept) = asked ? (_finished + 1, _kept + 1) : (_finished, _kept);
        }
        else if (_store.Diverged(node) is { } before)
        {
            _failed.Add(before);
        }
        else if (asked && !IsLost(node))
        {
            if (node.Parent is { } parent && !_done.ContainsKey(parent.Hash) && !_costs.ContainsKey(parent.Hash))
            {
                _missing.Add(node);
                return;
            }

            _waiting.Add(node);
            _costs[node.Hash] = StageCost.Of(node, _plan);
            _work += _costs[node.Hash].Work;
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
        {
            Compute(node, alone ? together : device);
            if (_ranks.Each.Any(_stop.IsCancellationRequested))
                _ranks.Each.Agree(() => throw new OperationCanceledException(_stop.Token));
        }
    }

    /// <summary>
    /// A stage whose beginning is there, when there is one; null if nothing is left. Seed by seed, so that the table
    /// fills from the top, and of a seed the one with the most work behind it, so that none is left over at the end. A
    /// stage is alone where everything else waits for it.
    /// </summary>
    private (StageNode Node, bool Alone)? Next()
    {
        lock (_gate)
        {
            while (true)
            {
                if (_ranks.Each.Size == 1)                // otherwise they agree on it
                    _stop.Token.ThrowIfCancellationRequested();
                if (_waiting.Count == 0)
                    return null;
                var ready = _waiting.FindAll(node => node.Parent is null || _done.ContainsKey(node.Parent.Hash));
                if (ready.Count > 0)
                {
                    var next = ready.Where(node => node.Trial.Seed == ready[0].Trial.Seed)
                        .MaxBy(node => _behind[node.Hash])!;
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
                Finish(node, result);
            else
                Fail(failure!);
            Report(result is null ? null : (node, result));
            Monitor.PulseAll(_gate);
        }
    }

    private (StageResult? Result, FailedStage? Failure) Attempt<T>(
        StageNode node, Device device, Action<RunningStage> progress)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        void Notice(string sentence)
        {
            lock (_gate)
                Report(null, sentence);
        }

        var run = new StageRun<T>(node, _plan, _store, device, _ranks, progress, Notice, _stop.Token);
        try
        {
            return (run.Run(), null);
        }
        catch (Exception error) when (
            (_ranks.Each.Size == 1 || error.IsAgreed())
            && error is InputException or NonFiniteException or IOException or UnauthorizedAccessException
                or OutOfMemoryException or RankFailedException)
        {
            // it went wrong in this stage: the others do not need it
            return (null, _store.Noted(new(node, error is OutOfMemoryException memory ? MemoryTrouble.Of(memory) : error, run.SoFar)));
        }
    }

    private void Finish(StageNode node, StageResult result)
    {
        _done.Add(node.Hash, result);
        _finished++;
    }

    /// <summary>Strikes what begins with a stage that failed.</summary>
    private void Fail(FailedStage failure)
    {
        _failed.Add(failure);
        _waiting.RemoveAll(IsLost);
    }

    private bool IsLost(StageNode node) =>
        node.Line.Any(each => _failed.Exists(failed => failed.Stage.Hash == each.Hash));

    private void Report((StageNode, StageResult)? finished, string? notice = null) =>
        _progress(new(
            _finished, _kept, _part.Count, _work > 0 ? _worked / _work : 1, [.. _running], finished, _done, notice));
}
