using VaccineRef.Core;

[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]       // the console is one

namespace VaccineRef.Fuzz.Tests;

/// <summary>
/// A short round over every surface, and whether the harness would notice. Longer rounds are run by hand: see
/// tests/README.md.
/// </summary>
public sealed class FuzzTests
{
    // more of what is read fast; each surface takes a few seconds
    private const int Fast = 400, Slow = 25;
    private const int Seed = 20261130;

    private static readonly string[] SlowOnes =
    [
        "run", "golden", "kit", "trace", "cache", "checkpoint", "resume", "grid",
    ];

    public static TheoryData<string> Names => [.. Surfaces.All.Select(surface => surface.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Altered_files_are_accepted_or_refused_and_nothing_else(string name)
    {
        using var fuzzer = new Fuzzer(Surfaces.All.Single(surface => surface.Name == name), Seed);
        for (int i = 0; i < (SlowOnes.Contains(name) ? Slow : Fast); i++)
        {
            var fault = fuzzer.Try(i);
            Assert.True(fault is null, $"{fault}");
        }
    }

    // inputs that were faults once, with laws of their own beside
    [Theory]
    [InlineData("report", 12, 864)]
    [InlineData("recipe", 99, 2499)]
    [InlineData("cache", 99, 57)]
    [InlineData("golden", 33, 5344)]
    [InlineData("vocab-merges", 12, 11987)]
    public void What_was_a_fault_is_none_now(string name, int seed, long index)
    {
        using var fuzzer = new Fuzzer(Surfaces.All.Single(surface => surface.Name == name), seed);
        Assert.Null(fuzzer.Try(index));
    }

    [Fact]
    public void An_exception_that_is_not_for_people_is_a_fault() =>
        Assert.Contains(
            "KeyNotFoundException", Faults(text => text.Length == 6 ? 0 : throw new KeyNotFoundException())[0].What,
            StringComparison.Ordinal);

    [Fact]
    public void A_reading_without_end_is_a_fault()
    {
        using var end = new ManualResetEventSlim();
        Assert.Equal("hang", Faults(text => text.Length == 6 || Spin(end) ? 0 : 1, most: 1)[0].Kind);
        end.Set();
    }

    [Fact]
    public void A_reading_that_ends_too_late_is_a_fault() =>
        Assert.Equal("hang", Faults(text => text.Length == 6 ? 0 : Work(TimeSpan.FromSeconds(0.6)), most: 1)[0].Kind);

    [Fact]
    public void Many_faults_are_found_in_one_round()
    {
        using var fuzzer = new Fuzzer(Surface(text => text.Length == 6 ? 0 : throw new KeyNotFoundException()), Seed);
        List<Fault> faults = [];
        Assert.Equal(50, fuzzer.Round(10, index => index < 60, faults.Add));
        Assert.Equal(
            Enumerable.Range(10, 50).Where(i => fuzzer.Try(i) is not null).Select(i => (long)i),
            faults.Select(fault => fault.Index));
        Assert.True(faults.Count > 20);
    }

    [Fact]
    public void Memory_out_of_proportion_is_a_fault() =>
        Assert.Equal(
            "memory",
            Faults(text => text.Length == 6 ? 0 : GC.AllocateUninitializedArray<byte>(1 << 27).Length)[0].Kind);

    [Fact]
    public void A_refusal_is_none() =>
        Assert.Empty(Faults(text => text == "[1, 2]" ? 0 : throw new InputException("no")));

    [Fact]
    public void A_seed_gives_the_same_files_again()
    {
        static string[] Files()
        {
            using var fuzzer = new Fuzzer(Surface(_ => 0), Seed);
            return [.. Enumerable.Range(0, 50).Select(i => File.ReadAllText(Path.Combine(fuzzer.Write(i), "x.json")))];
        }

        Assert.Equal(Files(), Files());
        Assert.True(Files().Distinct().Count() > 30);
    }

    private static Surface Surface(Func<string, int> read) => new(
        "made-up", (folder, _) => File.WriteAllText(Path.Combine(folder, "x.json"), "[1, 2]"), ["*.json"],
        folder => read(File.ReadAllText(Path.Combine(folder, "x.json"))))
    { Patience = TimeSpan.FromSeconds(0.5) };

    private static List<Fault> Faults(Func<string, int> read, int most = 20)
    {
        using var fuzzer = new Fuzzer(Surface(read), Seed);
        List<Fault> faults = [];
        for (int i = 0; i < 100 && faults.Count < most; i++)
            if (fuzzer.Try(i) is { } fault)
                faults.Add(fault);
        return faults;
    }

    private static int Work(TimeSpan time)
    {
        var before = Environment.CpuUsage.TotalTime;
        while (Environment.CpuUsage.TotalTime - before < time)
            Thread.SpinWait(1000);
        return 1;
    }

    private static bool Spin(ManualResetEventSlim end)
    {
        while (!end.IsSet)
            Thread.SpinWait(1000);
        return true;
    }
}
