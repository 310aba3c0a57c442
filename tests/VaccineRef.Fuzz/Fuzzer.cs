using System.Diagnostics;
using VaccineRef.Core;

namespace VaccineRef.Fuzz;

/// <summary>What went wrong with an input.</summary>
/// <param name="Surface">Where it was read.</param>
/// <param name="Seed">The seed of the round.</param>
/// <param name="Index">Which input of the round.</param>
/// <param name="What">An exception that is not for people, a reading without end, or too much memory.</param>
/// <param name="Kind">One word for all inputs that fail alike.</param>
public sealed record Fault(string Surface, int Seed, long Index, string What, string Kind)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{What}{Environment.NewLine}  again:    dotnet run -c Release --project tests/VaccineRef.Fuzz -- {Surface} --seed {Seed} --only {Index}";
}

/// <summary>
/// Gives a surface altered files, one after another, and notes what it does wrong. A fault is any exception but those
/// for wrong input, a reading that does not end in time, and memory out of proportion to the files.
/// </summary>
public sealed class Fuzzer : IDisposable
{
    // of what a busy machine takes, and for what only waits
    private const int Busy = 20;
    private const int BytesPerByte = 64;

    private readonly Surface _surface;
    private readonly int _seed;
    private readonly string _root;
    private readonly SeedFile[][] _files;
    private readonly Action[] _readings;
    private SeedFile? _altered;
    private Started _started = new(0, TimeSpan.Zero, 0);

    /// <summary>Writes the seeds and requires that each is accepted as it is.</summary>
    /// <param name="surface">What is tested.</param>
    /// <param name="seed">Chooses the alterations.</param>
    public Fuzzer(Surface surface, int seed)
    {
        (_surface, _seed) = (surface, seed);
        string memory = "/dev/shm";
        _root = Directory.Exists(memory)
            ? Directory.CreateDirectory(Path.Combine(memory, $"vaccineref-fuzz-{Guid.NewGuid():N}")).FullName
            : Directory.CreateTempSubdirectory("vaccineref-fuzz-").FullName;
        for (int i = 0; i < surface.Seeds; i++)
        {
            Directory.CreateDirectory(At(i));
            surface.Seed(At(i), i);
        }

        _files = [.. Enumerable.Range(0, surface.Seeds).Select(i => surface.Targets
            .SelectMany(pattern => Directory.GetFiles(At(i), pattern, SearchOption.AllDirectories)).Distinct()
            .Order(StringComparer.Ordinal)
            .Select(path => new SeedFile(path)).ToArray())];
        _readings = [.. Enumerable.Range(0, surface.Seeds).Select(i => surface.Open(At(i)))];
        foreach (var reading in _readings)
            reading();
    }

    /// <summary>Where the altered files lie. The last ones stay if they end the process.</summary>
    public string Folder => _root;

    /// <summary>How many inputs were accepted: altered files need not be wrong.</summary>
    public long Accepted { get; private set; }

    /// <summary>Alters the files for one input, and leaves them so until the next.</summary>
    /// <returns>Which seed it was made from.</returns>
    private int Alter(long index)
    {
        var random = new Random(unchecked((int)(_seed * 0x9E3779B1L + index * 0x85EBCA77L)));
        int seed = random.Next(_surface.Seeds);
        var mutation = new Mutation(random);
        var files = _files[seed];
        SeedFile file = files[random.Next(files.Length)], other = files[random.Next(files.Length)];
        if (file != _altered)
            _altered?.Restore();
        _altered = file;
        File.WriteAllBytes(file.Path, mutation.Of(file, other.Content));
        return seed;
    }

    /// <summary>Alters the files for one input.</summary>
    /// <returns>The folder in which they lie until the next.</returns>
    public string Write(long index) => At(Alter(index));

    /// <summary>Alters the files for one input and reads them; what is thrown goes on to the caller.</summary>
    public void Read(long index) => _readings[Alter(index)]();

    /// <summary>Reads one altered input.</summary>
    /// <returns>What went wrong; null if it was accepted or refused as it should.</returns>
    public Fault? Try(long index)
    {
        Fault? found = null;
        Round(index, next => next == index, fault => found = fault);
        return found;
    }

    /// <summary>
    /// Reads altered inputs, one after another, until there is enough or one does not end. They are read by one thread
    /// while another looks now and then how long the present one takes: a thread for each of them would take longer
    /// than most readings.
    /// </summary>
    /// <param name="first">The first input.</param>
    /// <param name="more">Whether to read this one.</param>
    /// <param name="found">Told of every fault.</param>
    /// <returns>The number of inputs that were read.</returns>
    public long Round(long first, Func<long, bool> more, Action<Fault> found)
    {
        long index = first;
        bool givenUp = false;
        Begin(first);
        var reading = Task.Factory.StartNew(
            () =>
            {
                for (; !Volatile.Read(ref givenUp) && more(index); index++)
                    if (Judge(index) is { } fault && !Volatile.Read(ref givenUp))
                        found(fault);
            },
            TaskCreationOptions.LongRunning);
        while (!reading.Wait(_surface.Patience / 10))
            if (Volatile.Read(ref _started) is var started && started.IsTooLong(_surface.Patience))
            {
                Volatile.Write(ref givenUp, true);
                found(Slow(started.Index, "did not end"));
                return started.Index - first + 1;
            }

        return index - first;
    }

    private void Begin(long index) =>
        Volatile.Write(ref _started, new Started(index, Environment.CpuUsage.TotalTime, Stopwatch.GetTimestamp()));

    private Fault Slow(long index, string what) =>
        Found(index, $"the reading {what} in {_surface.Patience.TotalSeconds:F0} s of processor time", "hang");

    private Fault Found(long index, string what, string kind) => new(_surface.Name, _seed, index, what, kind);

    private Fault? Judge(long index)
    {
        int seed = Alter(index);
        Begin(index);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Exception? thrown = null;
        try
        {
            _readings[seed]();
        }
        catch (Exception error)
        {
            thrown = error;
        }

        long taken = GC.GetAllocatedBytesForCurrentThread() - before;
        if (thrown is not (null or InputException or NonFiniteException))
            return Found(index, $"{thrown}", Kind($"{thrown}"));
        Accepted += thrown is null ? 1 : 0;
        if (_started.IsTooLong(_surface.Patience))
            return Slow(index, "ended, but not");
        if (taken <= _surface.Overhead)
            return null;
        long size = new DirectoryInfo(At(seed)).EnumerateFiles("*", SearchOption.AllDirectories)
            .Sum(file => file.Length);
        return taken > _surface.Overhead + BytesPerByte * size
            ? Found(index, $"the reading took {taken} bytes for {size} of files", "memory")
            : null;
    }

    /// <summary>When a reading began, by the processor's time and by the clock.</summary>
    private sealed record Started(long Index, TimeSpan Processor, long Clock)
    {
        /// <summary>
        /// Its time is the processor's, since a busy machine makes every reading long; waiting has an end too.
        /// </summary>
        public bool IsTooLong(TimeSpan patience) => Stopwatch.GetElapsedTime(Clock) is var passed && passed > patience
            && (passed > Busy * patience || Environment.CpuUsage.TotalTime - Processor > patience);
    }

    /// <summary>The first place of the program itself in a trace: faults there are one fault.</summary>
    private static string Kind(string trace)
    {
        const string Own = "   at VaccineRef.";
        string[] lines = trace.Split('\n', StringSplitOptions.TrimEntries);
        string place = trace.Split('\n').FirstOrDefault(line =>
            line.StartsWith(Own, StringComparison.Ordinal) && !line.StartsWith($"{Own}Fuzz", StringComparison.Ordinal))
                ?? "outside";
        string thrown =
            lines.FirstOrDefault(line => !line.Contains("should not have happened", StringComparison.Ordinal)) ?? "";
        return $"{thrown.Split(':')[0]}{place.Split('(')[0].Replace("   at", "", StringComparison.Ordinal)}";
    }

    private string At(int seed) => Path.Combine(_root, $"seed{seed}");

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_root, recursive: true);
}
