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
/// Gives a surface altered files, one after another, and notes what it does wrong. A fault is any exception but those for wrong input, a
/// reading that does not end in time, and memory out of proportion to the files.
/// </summary>
public sealed class Fuzzer : IDisposable
{
    private const int BytesPerByte = 64;

    private readonly Surface _surface;
    private readonly int _seed;
    private readonly string _root;
    private readonly string[][] _targets;
    private readonly byte[][][] _contents;

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

        _targets = [.. Enumerable.Range(0, surface.Seeds).Select(i => surface.Targets
            .SelectMany(pattern => Directory.GetFiles(At(i), pattern, SearchOption.AllDirectories)).Distinct().Order(StringComparer.Ordinal).ToArray())];
        _contents = [.. _targets.Select(files => files.Select(File.ReadAllBytes).ToArray())];
        for (int i = 0; i < surface.Seeds; i++)
            surface.Read(At(i));
    }

    /// <summary>Where the altered files lie. The last ones stay if they end the process.</summary>
    public string Folder => _root;

    /// <summary>How many inputs were accepted: altered files need not be wrong.</summary>
    public long Accepted { get; private set; }

    /// <summary>Alters the files for one input, and leaves them so.</summary>
    /// <returns>The folder.</returns>
    public string Write(long index)
    {
        var random = new Random(unchecked((int)(_seed * 0x9E3779B1L + index * 0x85EBCA77L)));
        int seed = random.Next(_surface.Seeds);
        var mutation = new Mutation(random);
        int file = random.Next(_targets[seed].Length);
        byte[] content = _contents[seed][file], other = _contents[seed][random.Next(_targets[seed].Length)];
        File.WriteAllBytes(_targets[seed][file], mutation.Of(content, other));
        _altered = (seed, file);
        return At(seed);
    }

    private (int Seed, int File) _altered;

    /// <summary>Reads one altered input.</summary>
    /// <returns>What went wrong; null if it was accepted or refused as it should.</returns>
    public Fault? Try(long index)
    {
        string folder = Write(index);
        try
        {
            return Reading(folder, index);
        }
        finally
        {
            File.WriteAllBytes(_targets[_altered.Seed][_altered.File], _contents[_altered.Seed][_altered.File]);
        }
    }

    private Fault? Reading(string folder, long index)
    {
        Fault Found(string what, string kind) => new(_surface.Name, _seed, index, what, kind);
        Exception? thrown = null;
        long taken = 0;
        var reading = Task.Run(() =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                _surface.Read(folder);
            }
            catch (Exception error)
            {
                thrown = error;
            }

            taken = GC.GetAllocatedBytesForCurrentThread() - before;
        });
        if (!Ends(reading))
            return Found($"the reading did not end in {_surface.Patience.TotalSeconds:F0} s of processor time", "hang");
        if (thrown is not (null or InputException or NonFiniteException))
            return Found($"{thrown}", Kind($"{thrown}"));
        Accepted += thrown is null ? 1 : 0;
        long size = new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        return taken > _surface.Overhead + BytesPerByte * size ? Found($"the reading took {taken} bytes for {size} of files", "memory") : null;
    }

    /// <summary>Waits for a reading. Its time is the processor's, since a busy machine makes every reading long; waiting has an end too.</summary>
    private bool Ends(Task reading)
    {
        const int Busy = 20;
        using var process = Process.GetCurrentProcess();
        var (before, clock) = (process.TotalProcessorTime, Stopwatch.StartNew());
        while (!reading.Wait(_surface.Patience / 2))
        {
            process.Refresh();
            if (process.TotalProcessorTime - before > _surface.Patience || clock.Elapsed > Busy * _surface.Patience)
                return false;
        }

        return true;
    }

    /// <summary>The first place of the program itself in a trace: faults there are one fault.</summary>
    private static string Kind(string trace)
    {
        const string Own = "   at VaccineRef.";
        string[] lines = trace.Split('\n', StringSplitOptions.TrimEntries);
        string place = trace.Split('\n').FirstOrDefault(line =>
            line.StartsWith(Own, StringComparison.Ordinal) && !line.StartsWith($"{Own}Fuzz", StringComparison.Ordinal)) ?? "outside";
        string thrown = lines.FirstOrDefault(line => !line.Contains("should not have happened", StringComparison.Ordinal)) ?? "";
        return $"{thrown.Split(':')[0]}{place.Split('(')[0].Replace("   at", "", StringComparison.Ordinal)}";
    }

    private string At(int seed) => Path.Combine(_root, $"seed{seed}");

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_root, recursive: true);
}
