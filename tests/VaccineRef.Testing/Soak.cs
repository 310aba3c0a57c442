using System.Globalization;

namespace VaccineRef.Testing;

/// <summary>
/// Does something very often, and measures on the way whether it takes more and more memory or time. The short form is
/// a test like any other; if VACCINEREF_SOAK names a file, the long form runs, and what it found is written there.
/// </summary>
/// <param name="What">What is done.</param>
/// <param name="Times">How often.</param>
/// <param name="Begin">Memory after the first <see cref="Settled"/> times.</param>
/// <param name="End">Memory at the end.</param>
/// <param name="Tenths">The median processor time of one time, in microseconds, in each tenth of the times.</param>
/// <param name="ManagedEach">
/// Bytes of managed memory that are held in addition for each time: the median over the tenths. What the runtime or the
/// tests' runner makes once and late falls into one or two tenths and does not move it; what is kept of each time is in
/// every tenth.
/// </param>
public sealed record Soak(
    string What, int Times, SoakMemory Begin, SoakMemory End, IReadOnlyList<double> Tenths, double ManagedEach)
{
    /// <summary>After so many times everything that is made once is there.</summary>
    public const int Settled = 100;

    private const string Variable = "VACCINEREF_SOAK";
    private const int Blocks = 20;              // of times whose processor time is taken together, in each tenth

    /// <summary>Whether the long form is asked for.</summary>
    public static bool IsLong => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Variable));

    /// <summary>Does it. Nothing else may run in the process meanwhile.</summary>
    /// <param name="what">What is done.</param>
    /// <param name="times">How often, at least 400 times.</param>
    /// <param name="once">Does it once; receives the number of the time.</param>
    /// <param name="arenas">Bytes that are reserved on the device.</param>
    public static Soak Run(string what, int times, Action<int> once, Func<long> arenas)
    {
        for (int time = 0; time < Settled; time++)
            once(time);
        var begin = SoakMemory.Now(arenas());
        var tenths = new List<double>();
        var each = new List<double>();
        long held = begin.Managed;
        int block = Math.Max(1, (times - Settled) / (10 * Blocks)), next = Settled;
        for (int tenth = 0; tenth < 10; tenth++)
        {
            var took = new List<double>();
            for (int i = 0; i < Blocks; i++)
            {
                var before = Environment.CpuUsage.TotalTime;
                for (int time = 0; time < block; time++)
                    once(next++);
                took.Add((Environment.CpuUsage.TotalTime - before).TotalMicroseconds / block);
            }

            tenths.Add(took.Order().ElementAt(Blocks / 2));
            long now = SoakMemory.Now(0).Managed;
            each.Add((now - held) / (double)(block * Blocks));
            held = now;
        }

        while (next < times)
            once(next++);
        var soak = new Soak(what, times, begin, SoakMemory.Now(arenas()), tenths, each.Order().ElementAt(5));
        soak.Write();
        return soak;
    }

    /// <summary>Bytes of managed memory that are held in addition at the end.</summary>
    public long Managed => End.Managed - Begin.Managed;

    /// <summary>Bytes of memory outside the managed heap that are held in addition at the end.</summary>
    public long Native => End.Native - Begin.Native;

    /// <summary>
    /// The median of the last five tenths over that of the first five: 1 if no time takes longer than those before, and
    /// 2.7 if the time grows in proportion to their number.
    /// </summary>
    public double Drift => Tenths.Skip(5).Order().ElementAt(2) / Tenths.Take(5).Order().ElementAt(2);

    /// <summary>A row of the table in docs/reliability.md.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"| {What} | {Times:N0} | {Begin.Managed / 1024.0:N0} | {Managed / 1024.0:+0.0;-0.0} | {Begin.Native / 1048576.0:F1} | "
        + $"{Native / 1048576.0:+0.0;-0.0} | {Begin.Arenas / 1024.0:N0} | {(End.Arenas - Begin.Arenas) / 1024.0:+0.0;-0.0;0} | "
        + $"{string.Join(" ", Tenths.Select(tenth => tenth.ToString("F0", CultureInfo.InvariantCulture)))} | {Drift:F2} |");

    /// <summary>Writes the row, in the long form.</summary>
    public void Write()
    {
        if (IsLong)
            File.AppendAllText(Environment.GetEnvironmentVariable(Variable)!, $"{this}\n");
    }
}

/// <summary>What a process holds.</summary>
/// <param name="Managed">Bytes of live objects, after a collection.</param>
/// <param name="Native">
/// Resident bytes that the managed heap has not committed: arenas, code, the runtime itself.
/// </param>
/// <param name="Arenas">Bytes that are reserved on the device.</param>
public readonly record struct SoakMemory(long Managed, long Native, long Arenas)
{
    /// <summary>What this process holds now.</summary>
    /// <param name="arenas">Bytes that are reserved on the device.</param>
    public static SoakMemory Now(long arenas)
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        long managed = GC.GetTotalMemory(forceFullCollection: true);
        return new(managed, Environment.WorkingSet - GC.GetGCMemoryInfo().TotalCommittedBytes, arenas);
    }
}
