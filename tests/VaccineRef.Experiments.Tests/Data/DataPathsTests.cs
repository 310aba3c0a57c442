using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>Several files, patterns, folders, rows by number, and fields by other names.</summary>
public sealed class DataPathsTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vaccineref-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("d/b.jsonl", "", "b1 b2")]
    [InlineData("d/*.jsonl", "", "B1 B2 a1 a2 b1 b2")]
    [InlineData("d/?.jsonl", "", "B1 B2 a1 a2 b1 b2")]
    [InlineData("d", "", "B1 B2 a1 a2 b1 b2")]
    [InlineData("d/b.jsonl", "d/a.jsonl", "b1 b2 a1 a2")]
    [InlineData("*/c.csv", "d", "c1 c2 B1 B2 a1 a2 b1 b2")]
    [InlineData("**/*.jsonl", "", "B1 B2 a1 a2 b1 b2 x1 x2")]
    [InlineData("g/**/*.jsonl", "", "x1 x2")]
    [InlineData("**/h/**/x.jsonl", "", "x1 x2")]
    [InlineData("**/c.csv", "", "c1 c2")]
    [InlineData("e/*.csv", "d/[ab].jsonl", "c1 c2 [ab]1 [ab]2")]
    public void Files_patterns_and_folders_are_read_in_order(string path, string more, string expected)
    {
        Write(
            "d/b.jsonl", "d/a.jsonl", "d/B.jsonl", "d/.hidden.jsonl", "d/README.md", "e/c.csv", "f/d.jsonl.gz",
            "g/h/i/x.jsonl", "g/.j/y.jsonl");
        if (more.StartsWith("d/[", StringComparison.Ordinal))
            Write(more);
        var data = new DataFiles(_folder.FullName).Read(Options(path) with { More = more.Length > 0 ? [more] : [] });
        Assert.Equal(expected, string.Join(' ', data.Examples.Select(row => row.Output)));
        Assert.Equal(data.Examples.Select(row => row.File).Distinct(), data.Sources.Select(source => source.Sha256));
    }

    [Theory]
    [InlineData("mixed", "", "several kinds", "a.jsonl, c.csv")]
    [InlineData("empty", "", "no data files", "remedy")]
    [InlineData("d/*.csv", "", "no data file fits", "*.csv")]
    [InlineData("d/a.jsonl", "d/*.jsonl", "named twice", "a.jsonl")]
    [InlineData("d/a.jsonl", "**/a.jsonl", "named twice", "a.jsonl")]
    [InlineData("**", "", "names folders", "**/*.jsonl")]
    [InlineData("**/*.tsv", "", "no data file fits", "any number of folders")]
    public void What_names_no_files_is_named(string path, string more, string what, string named)
    {
        Write("d/a.jsonl", "mixed/a.jsonl", "mixed/c.csv", "empty/README.md");
        var error = Assert.Throws<DataException>(() =>
            new DataFiles(_folder.FullName).Read(Options(path) with { More = more.Length > 0 ? [more] : [] }));
        Assert.Contains(what, error.What, StringComparison.Ordinal);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_stage_is_known_by_covers_the_contents_of_every_file()
    {
        Write("d/a.jsonl", "d/b.jsonl");
        string[] paths = ["d", "d/*.jsonl", "d/b.jsonl"];
        string[] Hashes() => [.. paths.Select(path => new DataFiles(_folder.FullName).Hash(path))];
        string[] before = Hashes();
        Assert.Equal(before, Hashes());
        File.AppendAllText(Path.Combine(_folder.FullName, "d/b.jsonl"), "{\"instruction\":\"i\",\"output\":\"o\"}\n");
        Assert.All(before.Zip(Hashes()), pair => Assert.NotEqual(pair.First, pair.Second));
        before = Hashes();
        Write("d/c.jsonl");
        Assert.NotEqual(before[1], Hashes()[1]);
    }

    /// <summary>A link that leads back up is not followed in a circle.</summary>
    [Fact]
    public void Links_in_a_circle_are_not_followed()
    {
        Write("d/a.jsonl");
        Directory.CreateSymbolicLink(Path.Combine(_folder.FullName, "d/up"), _folder.FullName);
        var data = new DataFiles(_folder.FullName).Read(Options("**/*.jsonl"));
        Assert.Equal(["a1", "a2"], data.Examples.Select(row => row.Output));
    }

    /// <summary>Numbers are those that messages name: lines in JSON lines, places in the others.</summary>
    [Theory]
    [InlineData("a.jsonl", "2-3", "a2 a3")]
    [InlineData("a.jsonl", "3-", "a3 a4")]
    [InlineData("a.jsonl", "-1", "a1")]
    [InlineData("a.jsonl", "4", "a4")]
    [InlineData("a.jsonl", "2-99", "a2 a3 a4")]
    [InlineData("c.csv", "2-3", "c2 c3")]
    public void Rows_are_chosen_by_their_numbers(string name, string rows, string expected)
    {
        WriteRows(name, 4);
        var data = new DataFiles(_folder.FullName).Read(Options(name) with { Rows = rows });
        Assert.Equal(expected, string.Join(' ', data.Examples.Select(row => row.Output)));
        Assert.All(data.Examples, row => Assert.EndsWith($":{row.Output[1..]}", row.Id, StringComparison.Ordinal));
        Assert.Contains(", rows ", data.Source.Reader, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0-3")]
    [InlineData("3-2")]
    [InlineData("-")]
    [InlineData("a-b")]
    [InlineData("")]
    [InlineData("1-2-3")]
    public void What_is_no_range_is_refused(string rows) =>
        Assert.Throws<RecipeException>(() => (Options("a.jsonl") with { Rows = rows }).Validate("$"));

    [Fact]
    public void Rows_that_are_not_there_or_of_several_files_are_refused()
    {
        WriteRows("a.jsonl", 4);
        WriteRows("b.jsonl", 4);
        var files = new DataFiles(_folder.FullName);
        Assert.Contains(
            "rows up to 4",
            Assert.Throws<DataException>(() => files.Read(Options("a.jsonl") with { Rows = "7-9" })).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "2 files", Assert.Throws<DataException>(() => files.Read(Options("*.jsonl") with { Rows = "1-2" })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_field_may_have_another_name_in_the_file()
    {
        File.WriteAllText(
            Path.Combine(_folder.FullName, "s.jsonl"), """{"review":"good","stars":1,"label":"unneeded"}""");
        var options = new FileDataOptions { Path = "s.jsonl", Task = "sst2", Rename = new Dictionary<string, string> { ["sentence"] = "review", ["label"] = "stars" } };
        options.Validate("$");
        var example = Assert.Single(new DataFiles(_folder.FullName).Read(options).Examples);
        Assert.Equal(("good", "positive"), (example.Input, example.Output));
        Assert.Contains("'stars'", Assert.Throws<DataException>(() =>
        {
            File.WriteAllText(Path.Combine(_folder.FullName, "s.jsonl"), """{"review":"good","stars":7}""");
            return new DataFiles(_folder.FullName).Read(options);
        }).Message, StringComparison.Ordinal);
        var wrong = options with { Rename = new Dictionary<string, string> { ["text"] = "review" } };
        Assert.Contains(
            "sentence, label", Assert.Throws<RecipeException>(() => wrong.Validate("$")).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.csv", ",instruction,output,,x,x\n0,i,o,,1,2\n")]
    [InlineData("a.jsonl", """{"instruction":"i","output":"o","x":"\ud83d","y":[{"z":1e999}]}""")]
    public void Columns_that_nobody_needs_are_no_reason_to_refuse(string name, string content)
    {
        File.WriteAllText(Path.Combine(_folder.FullName, name), content);
        Assert.Equal("o", Assert.Single(new DataFiles(_folder.FullName).Read(Options(name)).Examples).Output);
    }

    [Fact]
    public void A_text_has_one_prompt_on_each_line()
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "p.txt"), "Break the toy, now\r\n\r\n  Say \"hi\"\n");
        var data = new DataFiles(_folder.FullName).Read(new() { Path = "p.txt", Task = "prompts" });
        Assert.Equal(
            [("p.txt:1", "Break the toy, now"), ("p.txt:3", "  Say \"hi\"")],
            data.Examples.Select(row => (row.Id, row.Instruction)));
        Assert.Equal("text as prompts", data.Source.Reader);
    }

    private static FileDataOptions Options(string path) => new() { Path = path, Task = "alpaca" };

    [Theory]
    [InlineData("d/b.jsonl")]
    [InlineData("e/c.csv")]
    [InlineData("f/d.jsonl.gz")]
    public void Whoever_stops_is_obeyed_while_files_are_read_and_hashed(string path)
    {
        Write(path);
        var files = new DataFiles(_folder.FullName, new(canceled: true));
        Assert.ThrowsAny<OperationCanceledException>(() => files.Read(Options(path)));
        Assert.ThrowsAny<OperationCanceledException>(() => files.Hash(path));
    }

    private void Write(params string[] names)
    {
        foreach (string name in names)
            WriteRows(name, 2);
    }

    private void WriteRows(string name, int count)
    {
        string path = Path.Combine(_folder.FullName, name), stem = Path.GetFileNameWithoutExtension(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var rows = Enumerable.Range(1, count).Select(i => $"{stem}{i}");
        File.WriteAllText(path, name.EndsWith(".csv", StringComparison.Ordinal)
            ? "instruction,output\n" + string.Concat(rows.Select(row => $"i,{row}\n"))
            : string.Concat(rows.Select(row => $$"""{"instruction":"i","output":"{{row}}"}""" + "\n")));
    }
}
