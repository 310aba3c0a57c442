using System.CommandLine;
using System.Diagnostics;
using VaccineRef.Fuzz;

var surfaces = new Argument<string[]>("SURFACE") { Description = "Which surfaces; all of them by default.", Arity = ArgumentArity.ZeroOrMore };
surfaces.AcceptOnlyFromAmong([.. Surfaces.All.Select(surface => surface.Name)]);
var seed = new Option<int>("--seed") { Description = "Chooses the alterations.", DefaultValueFactory = _ => 1 };
var count = new Option<long>("--count") { Description = "Inputs for each surface.", DefaultValueFactory = _ => 10_000 };
var minutes = new Option<double?>("--minutes") { Description = "Minutes for each surface, in place of a count." };
var only = new Option<long?>("--only") { Description = "Read one input, and keep its files." };
var root = new RootCommand("Reads altered files, and reports what is neither accepted nor refused as it should be.") { surfaces, seed, count, minutes, only };
root.SetAction(parsed =>
{
    int faults = 0;
    string[] chosen = parsed.GetRequiredValue(surfaces);
    foreach (var surface in Surfaces.All.Where(surface => chosen.Length == 0 || chosen.Contains(surface.Name)))
        faults += parsed.GetValue(only) is { } index
            ? Once(surface, parsed.GetValue(seed), index)
            : Round(
                surface, parsed.GetValue(seed),
                parsed.GetValue(minutes) is null ? parsed.GetValue(count) : long.MaxValue, parsed.GetValue(minutes));
    return faults == 0 ? 0 : 1;
});
return root.Parse(args).Invoke();

static int Once(Surface surface, int seed, long index)
{
    var fuzzer = new Fuzzer(surface, seed);
    Console.WriteLine($"The altered files are in {fuzzer.Write(index)}.");
    fuzzer.Read(index);
    Console.WriteLine("They were accepted.");
    return 0;
}

static int Round(Surface surface, int seed, long count, double? minutes)
{
    using var fuzzer = new Fuzzer(surface, seed);
    Console.WriteLine($"{surface.Name}: the altered files lie in {fuzzer.Folder} while they are read.");
    var (clock, before) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
    Dictionary<string, int> kinds = [];
    long inputs = fuzzer.Round(0, index => index < count
        && (minutes is null || clock.Elapsed.TotalMinutes < minutes), fault =>
    {
        if (kinds.TryAdd(fault.Kind, 1))
            Console.WriteLine(fault);
        else
            kinds[fault.Kind]++;
    });
    double each = (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / Math.Max(1, inputs);
    Console.WriteLine($"{surface.Name}: {inputs} inputs with the seed {seed} in {clock.Elapsed.TotalSeconds:F0} s, {each:F0} us of the processor each, "
        + $"{fuzzer.Accepted} accepted, {kinds.Count} kinds of faults.");
    foreach (var (kind, times) in kinds)
        Console.WriteLine($"  {kind}: {times}");
    return kinds.Count;
}
