using System.CommandLine;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace VaccineRef.Cli.Tests;

/// <summary>
/// An option that is read and forgotten is one kind of defect. For every option of every command,
/// <see cref="OptionProbes"/> names two command lines that differ in it alone, and what they print or write differs
/// too; or it says why nothing can.
/// </summary>
[Collection<OptionPlaces>]
public sealed partial class EveryOptionTests(OptionPlaces places)
{
    private readonly Dictionary<string, string> _seen = [];

    public static TheoryData<string> Commands =>
        [.. All(Program.Commands()).Select(each => each.Path).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Every_option_of_a_command_does_something(string command)
    {
        var probes = OptionProbes.All.Where(probe => probe.Command == command).ToArray();
        string[] options = [.. All(Program.Commands()).Single(each => each.Path == command).Options];
        Assert.Equal(options, probes.Select(probe => probe.Option)
            .Concat(OptionProbes.Elsewhere.Where(each => each.Command == command).Select(each => each.Option))
            .Distinct().Order(StringComparer.Ordinal));
        if (probes.Length > 0)
            Assert.Equal(See(probes[0], probes[0].Without), See(probes[0], probes[0].Without, again: true));        // else any difference would do
        Assert.All(probes, probe => Assert.True(
            See(probe, probe.Without) != See(probe, probe.With),
            $"{probe.Command} {probe.Common} [{probe.With}] does as without: {See(probe, probe.With)}"));
    }

    [Fact]
    public void No_probe_is_of_an_option_that_is_gone()
    {
        var known = All(Program.Commands()).SelectMany(each => each.Options.Select(option => (each.Path, option)))
            .ToHashSet();
        Assert.Superset(
            OptionProbes.All.Select(probe => (probe.Command, probe.Option))
                .Concat(OptionProbes.Elsewhere.Select(each => (each.Command, each.Option))).ToHashSet(), known);
    }

    /// <summary>
    /// A key of recipes that only a command line can show: the others have a law where they are read.
    /// </summary>
    [Fact]
    public void A_recipe_may_say_that_one_stage_is_computed_at_a_time()
    {
        var lab = new OptionProbe(
            "lab", "--set", "--recipe @tasks --out made --cache @labcache --threads 2",
            "--set report.one_at_a_time=true", "", "report.json");
        Assert.Contains("\"workers\": 1,", See(lab, lab.With), StringComparison.Ordinal);
        Assert.Contains("\"workers\": 2,", See(lab, lab.Without), StringComparison.Ordinal);
    }

    private static IEnumerable<(string Path, string[] Options)> All(Command command, string path = "")
    {
        foreach (var each in command.Subcommands)
        {
            string name = $"{path} {each.Name}".Trim();
            string[] options = [.. each.Options.Where(option => option.Name != "--help").Select(option => option.Name)
                .Order(StringComparer.Ordinal)];
            if (options.Length > 0)
                yield return (name, options);
            foreach (var below in All(each, name))
                yield return below;
        }
    }

    /// <summary>
    /// What a command line does: its exit code, what it prints, and what it writes, without times and places.
    /// </summary>
    private string See(OptionProbe probe, string more, bool again = false)
    {
        var keys = Console.In;
        string words = $"{probe.Command} {probe.Common} {more}";
        if (!again && _seen.TryGetValue(probe.Look + words, out string? seen))
            return seen;
        string folder = Directory.CreateDirectory(places.In($"seen/{Guid.NewGuid():N}")).FullName,
            here = Environment.CurrentDirectory;
        Environment.CurrentDirectory = folder;
        Console.SetIn(new StringReader("Where is kite 1?\nAnd 2?\n"));
        try
        {
            string[] split = [.. Word().Matches(words).Select(word => places.Path(word.Value.Trim('"')))];
            var outcome = Vaccine.Run(split);
            var files = Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
                .Where(file => Path.GetFileName(file).Contains(probe.Look, StringComparison.Ordinal))
                .Select(file => $"{(probe.Look.Length > 0 ? "" : Path.GetRelativePath(folder, file))}: {Content(file, folder)}");
            string printed = probe.Look.Length > 0 ? "" : $"{outcome.Out}\n{outcome.Error}\n";
            return _seen[probe.Look + words] = Steady($"{outcome.Code}\n{printed}{string.Join('\n', files)}", folder);
        }
        finally
        {
            Environment.CurrentDirectory = here;
            Console.SetIn(keys);
        }
    }

    private static string Content(string file, string folder) => Path.GetExtension(file) switch
    {
        ".md" or ".html" or ".svg" => "a page",
        _ when file.Contains("tfevents", StringComparison.Ordinal) => "events",
        ".json" or ".jsonl" or ".sh" or ".xml" => Steady(File.ReadAllText(file), folder),
        _ => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))),
    };

    private static string Steady(string text, string folder) =>
        Times().Replace(text.Replace(folder, "", StringComparison.Ordinal), "");

    [GeneratedRegex("\"[^\"]*\"|\\S+")]
    private static partial Regex Word();

    [GeneratedRegex("""
        "(seconds|seconds_per_step|training_seconds|\w*_ms|best|tokens_per_second|peak_bytes|median|spread|slowest)": *[-+.eE0-9]+|\d+ s on |\d+ tok/s|[\d:]+ left|\d+(\.\d)? s\b|tfevents\.\S+
        """)]
    private static partial Regex Times();
}
