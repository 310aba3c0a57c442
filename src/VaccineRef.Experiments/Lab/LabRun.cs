using System.Runtime.ExceptionServices;
using VaccineRef.Core;

namespace VaccineRef.Experiments.Lab;

/// <summary>How far a run of the lab is.</summary>
/// <param name="Done">Cells finished, those from the cache included.</param>
/// <param name="Cached">Cells that were in the cache.</param>
/// <param name="Cells">Cells in all.</param>
/// <param name="Work">The share of the work that this run found undone and has done since, from 0 to 1.</param>
/// <param name="Running">The cells under way.</param>
/// <param name="Finished">The cell that has just been finished; null if none has.</param>
public readonly record struct LabProgress(
    int Done, int Cached, int Cells, double Work, IReadOnlyList<LabCell> Running, LabResult? Finished);

/// <summary>
/// Computes cells, as many at once as there are devices, each after the one it begins with. What is in the cache is not
/// computed again; what is finished is in the cache at once.
/// </summary>
public sealed class LabRun : IDisposable
{
    // to measure a model once takes about as long as to train on so many sequences
    private const double MeasuredAs = 400;

    private readonly LabSettings _settings;
    private readonly LabCache _cache;
    private readonly Action<LabProgress> _progress;
    private readonly object _gate = new();
    private readonly Dictionary<string, LabResult> _done = [];
    private readonly List<(string Hash, LabCell Cell, string? Parent)> _waiting = [];
    private readonly Dictionary<string, double> _behind = [];       // work of the longest chain of cells that begins with this one
    private readonly List<LabCell> _running = [];
    private readonly CancellationTokenSource _stop;
    private double _work, _worked;
    private int _cells, _cached;

    private LabRun(LabSettings settings, LabCache cache, Action<LabProgress> progress, CancellationToken cancel) =>
        (_settings, _cache, _progress, _stop) = (settings, cache, progress, CancellationTokenSource.CreateLinkedTokenSource(cancel));

    /// <summary>Computes what is missing, and returns everything in the order of <paramref name="cells"/>, each once.</summary>
    /// <param name="settings">What all cells share.</param>
    /// <param name="cells">The cells; those that they begin with are computed too.</param>
    /// <param name="cache">Where finished cells are kept.</param>
    /// <param name="devices">Where to run: one GPU, or the processor as often as it has threads to give.</param>
    /// <param name="progress">Told of every optimizer step and every finished cell, from any thread, one at a time.</param>
    /// <param name="cancel">Stops after the steps under way.</param>
    /// <param name="together">Where to run the one cell that all others wait for: the processor with all its threads.</param>
    /// <exception cref="OperationCanceledException">It was stopped; what was finished is in the cache.</exception>
    public static IReadOnlyList<LabResult> Run(
        LabSettings settings, IEnumerable<LabCell> cells, LabCache cache, IReadOnlyList<Device> devices,
        Action<LabProgress> progress, CancellationToken cancel, Device? together = null)
    {
        var wanted = cells.Select(cell => (Hash: LabKeys.Of(settings, cell), Cell: cell)).DistinctBy(entry => entry.Hash).ToArray();
        using var run = new LabRun(settings, cache, progress, cancel);
        foreach (var (_, cell) in wanted)
            run.Plan(cell);
        run.LookBehind();
        run.Report(null);
        run.All(devices, together);
        return [.. wanted.Select(entry => run._done[entry.Hash] with { Cell = entry.Cell })];
    }

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();

    /// <summary>Optimizer passes over sequences: what a cell's work is measured by.</summary>
    private double Work(LabCell cell)
    {
        double steps = _settings.Subject.Steps(cell), batch = LabKeys.Training(_settings, cell).BatchSize;
        double passes = cell.Attack is null && cell.Arm.Method?.Rule == "vaccine" ? 2 : 1;
        double measuring = cell.Attack is null ? 1 : _settings.CurvePoints;
        return ((passes * steps * batch) + (measuring * MeasuredAs)) * cell.Size.Hidden * cell.Size.Hidden * cell.Size.Layers;
    }

    /// <summary>Takes the cell from the cache, or lists it behind those it begins with.</summary>
    private void Plan(LabCell cell)
    {
        string hash = LabKeys.Of(_settings, cell);
        if (_done.ContainsKey(hash) || _waiting.Exists(entry => entry.Hash == hash))
            return;
        _cells++;
        bool keepsModel = cell.Attack is null && !(cell.Parent is null && _settings.Recipe is not null);
        if (_cache.Find(hash, cell, keepsModel) is { } found)
        {
            _done.Add(hash, found);
            _cached++;
            return;
        }

        string? parent = cell.Parent is null ? null : LabKeys.Of(_settings, cell.Parent);
        if (parent is not null)
            Plan(cell.Parent!);
        _waiting.Add((hash, cell, parent));
        _work += Work(cell);
    }

    private void LookBehind()
    {
        foreach (var (hash, cell, parent) in Enumerable.Reverse(_waiting))
        {
            double chain = Work(cell) + _behind.GetValueOrDefault(hash);
            _behind[hash] = chain;
            if (parent is not null)
                _behind[parent] = Math.Max(_behind.GetValueOrDefault(parent), chain);
        }
    }

    private void All(IReadOnlyList<Device> devices, Device? together)
    {
        // a thread each: a cell is minutes of arithmetic, and the pool would start the second one late
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
        while (Next() is var (hash, cell, parent, alone))
            Compute(hash, cell, parent, alone ? together : device);
    }

    /// <summary>
    /// A cell whose beginning is there, when there is one; null if nothing is left. Seed by seed, so that the table fills
    /// from the top, and of a seed the one with the most work behind it, so that none is left over at the end. Alone is
    /// a base model for which everything else waits.
    /// </summary>
    private (string Hash, LabCell Cell, string? Parent, bool Alone)? Next()
    {
        lock (_gate)
        {
            while (true)
            {
                _stop.Token.ThrowIfCancellationRequested();
                if (_waiting.Count == 0)
                    return null;
                var ready = _waiting.FindAll(entry => entry.Parent is null || _done.ContainsKey(entry.Parent));
                if (ready.Count > 0)
                {
                    var next = ready.Where(entry => entry.Cell.Seed == ready[0].Cell.Seed).MaxBy(entry => _behind[entry.Hash]);
                    bool alone = ready.Count == 1 && _running.Count == 0 && next.Parent is null;
                    _waiting.Remove(next);
                    _running.Add(next.Cell);
                    return (next.Hash, next.Cell, next.Parent, alone);
                }

                Monitor.Wait(_gate);
            }
        }
    }

    private void Compute(string hash, LabCell cell, string? parent, Device device)
    {
        double work = Work(cell);
        int steps = Math.Max(1, _settings.Subject.Steps(cell));
        LabResult? before;
        lock (_gate)
            before = parent is null ? null : _done[parent];
        double done = 0;
        using var run = new CellRun(_settings, _cache, cell, device, () => Advance(Math.Min(work - done, work / steps), ref done), _stop.Token);
        var result = run.Run(hash, parent, before);
        lock (_gate)
        {
            _done.Add(hash, result);
            _running.Remove(cell);
            _worked += work - done;
            Report(result);
            Monitor.PulseAll(_gate);
        }
    }

    private void Advance(double work, ref double done)
    {
        lock (_gate)
        {
            done += work;
            _worked += work;
            Report(null);
        }
    }

    private void Report(LabResult? finished) =>
        _progress(new(_done.Count, _cached, _cells, _work > 0 ? _worked / _work : 1, [.. _running], finished));
}
