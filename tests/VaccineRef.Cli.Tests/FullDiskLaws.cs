using System.Text.RegularExpressions;
using VaccineRef.Core;

namespace VaccineRef.Cli.Tests;

/// <summary>
/// Every option with which a command writes, on a disk that becomes full at each of its files, before one of the
/// changes that make the file: a message that says which file, what the system said and what helps, no part of a file,
/// and all files when there is room again. Every change of a run's stages has <c>FaultLaws</c>. What is printed may go
/// to a full disk too.
/// </summary>
[Collection<OptionPlaces>]
public sealed partial class FullDiskLaws(OptionPlaces places)
{
    // The demo writes as lab does.
    private static readonly string[] Writing =
    [
        "--out", "--output", "--to", "--json", "--markdown", "--save-answers", "--junit"
    ], Alike = ["demo"];

    private static readonly Dictionary<string, string> Words = OptionProbes.All
        .Where(probe => Writing.Contains(probe.Option) && !Alike.Contains(probe.Command))
        .DistinctBy(probe => (probe.Command, probe.Option))
        .ToDictionary(probe => $"{probe.Command} {probe.Option}", Of)
        .Append(new("conform kit", "conform kit made"))
        .Where(line => line.Key != "lab slurm --out")           // a dry run writes nothing, and SlurmTests have the other one
        .ToDictionary();

    public static TheoryData<string> Lines => [.. Words.Keys.Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Lines))]
    public void A_disk_that_is_full_at_any_file_is_named_and_nothing_is_lost(string line)
    {
        string[] words = [.. Word().Matches(Words[line]).Select(word => places.Path(word.Value.Trim('"')))];
        List<string> changes = [];
        string whole = New();
        int code = In(whole, words, (_, path) => changes.Add(path)).Code;
        Assert.NotEmpty(Files(whole));

        // one change for each file: the first of the first file, the second of the second, and so on
        var all = changes.Index().GroupBy(each => Target(each.Item), each => each.Index + 1)
            .Select((own, i) => own.ElementAt(i % own.Count()));
        foreach (int n in all)
        {
            int change = 0;
            string folder = New();
            var refused = In(folder, words, (_, _) =>
            {
                if (++change == n)
                    throw new IOException("No space left on device", 28);
            });
            // one stage of several that fails leaves the report of the others
            Assert.Equal(refused.Error.Contains(", stage ", StringComparison.Ordinal) ? 1 : 2, refused.Code);
            foreach (string part in (string[])["where:", "no room is left", "expected:", "remedy:", "free some space",
                Target(changes[n - 1])])
                Assert.Contains(part, refused.Error, StringComparison.Ordinal);
            Assert.DoesNotContain(
                Directory.EnumerateFileSystemEntries(folder, "*.tmp", SearchOption.AllDirectories), _ => true);
            if (In(folder, words, (_, _) => { }).Code is var again && again != code)
                again = In(folder, [.. words, "--resume"], (_, _) => { }).Code;
            Assert.Equal((code, n), (again, n));
            Assert.Equal(Files(whole), Files(folder));
        }
    }

    /// <summary>
    /// Even where no command has begun, as for help. An error that nobody can be told keeps its exit code.
    /// </summary>
    [Theory]
    [InlineData("--help", 2)]
    [InlineData("run --help", 2)]
    [InlineData("schema", 2)]
    [InlineData("devices", 2)]
    [InlineData("run nowhere.json", 2)]
    public void What_cannot_be_printed_is_an_error_like_any_other(string words, int code)
    {
        var (output, error) = (Console.Out, Console.Error);
        using var said = new StringWriter();
        try
        {
            Console.SetOut(new Full());
            Console.SetError(said);
            Assert.Equal(code, Program.Main(words.Split(' ')));
            Console.SetError(new Full());
            Assert.Equal(code, Program.Main(words.Split(' ')));
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }

        foreach (string part in words.StartsWith("run n", StringComparison.Ordinal)
            ? (string[])["nowhere.json"]
            : ["standard output", "No space left on device", "remedy:"])
            Assert.Contains(part, said.ToString(), StringComparison.Ordinal);
    }

    private static string Of(OptionProbe probe)
    {
        string more = probe.With == "--json" ? "--json found.json" : probe.With;
        return $"{probe.Command} {probe.Common.Replace(" --json", probe.Option == "--json" ? "" : " --json", StringComparison.Ordinal)} {more}";
    }

    private string New() => Directory.CreateDirectory(places.In($"full/{Guid.NewGuid():N}")).FullName;

    private static string[] Files(string folder) =>
        [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file)).Order(StringComparer.Ordinal)];

    /// <summary>The name of the file or folder behind a temporary name.</summary>
    private static string Target(string path) =>
        Leftover().Match(path) is { Success: true } match ? match.Groups[1].Value : Path.GetFileName(path);

    private static Outcome In(string folder, string[] words, Action<FileChange, string> before)
    {
        string here = Environment.CurrentDirectory;
        Environment.CurrentDirectory = folder;
        try
        {
            using var watch = FileChanges.Watch(before);
            return Vaccine.Run(words);
        }
        finally
        {
            Environment.CurrentDirectory = here;
        }
    }

    [GeneratedRegex("\"[^\"]*\"|\\S+")]
    private static partial Regex Word();

    [GeneratedRegex(@"/\.([^/]+)\.[0-9a-f]{32}\.tmp")]
    private static partial Regex Leftover();

    /// <summary>What takes nothing.</summary>
    private sealed class Full : StringWriter
    {
        public override void Write(char value) => throw Refusal();

        public override void Write(char[] buffer, int index, int count) => throw Refusal();

        public override void Write(string? value) => throw Refusal();

        private static IOException Refusal() => new("No space left on device", 28);
    }
}
