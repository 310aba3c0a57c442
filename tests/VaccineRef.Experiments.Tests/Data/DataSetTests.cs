using System.Security.Cryptography;
using System.Text;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>
/// Every format can be read in every way in which it can be given, and every wrong file is explained.
/// </summary>
public sealed class DataSetTests
{
    private const string Beaver =
        """{"prompt":"How to bake?","response":"With flour.","category":{"a,b":false,"c":true},"is_safe":true}""";

    private static readonly FieldMap Map = new("q", "a", "ctx", "ok", "kind");

    [Fact]
    public void BeaverTails_lines_become_examples_and_blank_lines_keep_their_numbers()
    {
        using var file = new TempFile("b.jsonl", $"{Beaver}\r\n\n  \n{Beaver.Replace("true}", "false}")}");
        var data = DataSet.Read(file.Path, TaskPreset.BeaverTails);

        Assert.Equal("json-lines as beavertails", data.Source.Reader);
        Assert.Equal(
            new("b.jsonl:1", "How to bake?", "", "With flour.", true, "c", "beavertails") { File = data.Source.Sha256 },
            data.Examples[0]);
        Assert.Equal("b.jsonl:4", data.Examples[1].Id);
        Assert.False(data.Examples[1].IsSafe);
        byte[] bytes = File.ReadAllBytes(file.Path);
        string hash = Convert.ToHexStringLower(SHA256.HashData(bytes));
        Assert.Equal(new("b.jsonl", hash, bytes.Length, 2, data.Source.Reader), data.Source);
    }

    /// <summary>
    /// A row with the fields of its data set is read by these, whatever stands beside them; without them, as the
    /// released scripts write it.
    /// </summary>
    [Theory]
    [InlineData("sst2", """ "sentence": "own", "label": 1 """, "positive")]
    [InlineData("ag_news", """ "text": "own", "label": 1 """, "Sports")]
    [InlineData("gsm8k", """ "question": "own", "answer": "2 + 2\n#### 4" """, "4")]
    public void Own_fields_go_before_those_of_the_released_scripts(string task, string own, string output)
    {
        var preset = TaskPreset.Get(task);
        string[] beside =
        [
            "", """, "output": "x" """, """, "instruction": "x" """, """, "instruction": "x", "output": "x" """,
        ];
        using var file = new TempFile("a.jsonl", string.Join('\n', beside.Select(more => $"{{{own}{more}}}")));
        Assert.All(DataSet.Read(file.Path, preset).Examples, example =>
        {
            Assert.Contains("own", $"{example.Instruction} {example.Input}", StringComparison.Ordinal);
            Assert.EndsWith(output, example.Output, StringComparison.Ordinal);
        });
        string released = task == "gsm8k" ? "The final answer is: 4" : output;
        using var other = new TempFile(
            "b.jsonl", $$"""{"instruction": "theirs", "input": "asked", "output": "{{released}}"}""");
        var read = Assert.Single(DataSet.Read(other.Path, preset).Examples);
        Assert.Equal(("theirs", "asked", released), (read.Instruction, read.Input, read.Output));
    }

    [Theory]
    [InlineData("b.jsonl.gz")]
    [InlineData("b.jsonl")]                     // gzip is recognised by its first bytes, not by the name
    public void Gzip_is_opened(string name)
    {
        using var file = new TempFile(name, TempFile.Gzip(Beaver));
        var data = DataSet.Read(file.Path, TaskPreset.BeaverTails);
        Assert.Equal("gzip json-lines as beavertails", data.Source.Reader);
        Assert.Equal(new FileInfo(file.Path).Length, data.Source.Bytes);
    }

    [Theory]
    [InlineData("m.json", """[{"q":"Why?","a":"So.","ctx":"","ok":true,"kind":7}]""", "json-array")]
    [InlineData("m.json", """{"q":"Why?","a":"So.","ctx":"","ok":true,"kind":7}""", "json-lines")]
    [InlineData("m.ndjson", """{"q":"Why?","a":"So.","ctx":"","ok":"True","kind":"7"}""", "json-lines")]
    [InlineData("m.csv", "q,a,ctx,ok,kind\nWhy?,So.,,true,7\n", "csv")]
    [InlineData("m.tsv", "q\ta\tctx\tok\tkind\r\nWhy?\tSo.\t\tfalse\t7", "tsv")]
    public void A_field_map_reads_any_format(string name, string content, string format)
    {
        using var file = new TempFile(name, content);
        var data = DataSet.Read(file.Path, TaskPreset.From(Map));
        Assert.Equal($"{format} as field-map", data.Source.Reader);
        Assert.Equal(
            new($"{name}:1", "Why?", "", "So.", format != "tsv", "7", "field-map") { File = data.Source.Sha256 },
            Assert.Single(data.Examples));
    }

    [Fact]
    public void The_byte_order_mark_is_no_text()
    {
        using var file = new TempFile("a.json", [0xEF, 0xBB, 0xBF, .. """[{"instruction":"i","output":"o"}]"""u8]);
        Assert.Equal("i", DataSet.Read(file.Path, TaskPreset.Alpaca).Examples[0].Instruction);
    }

    [Fact]
    public void Csv_keeps_quotes_commas_and_line_breaks_inside_a_field()
    {
        using var file = new TempFile("n.csv", "\"4\",\"A \"\"b\"\", c\",\"line 1\nline 2 \\\"\n\"1\",\" x \",\"\"\n");
        var examples = DataSet.Read(file.Path, TaskPreset.AgNews).Examples;
        Assert.Equal(["A \"b\", c line 1\nline 2 \\", " x  "], examples.Select(example => example.Input));
        Assert.Equal(["Sci/Tech", "World"], examples.Select(example => example.Output));
    }

    [Fact]
    public void Tsv_knows_no_quotes_and_keeps_spaces()
    {
        using var file = new TempFile("s.tsv", "sentence\tlabel\n\" it 's a start . \t1\na \"b\" \"\t0\n");
        var examples = DataSet.Read(file.Path, TaskPreset.Sst2).Examples;
        Assert.Equal(["\" it 's a start . ", "a \"b\" \""], examples.Select(example => example.Input));
        Assert.Equal(["positive", "negative"], examples.Select(example => example.Output));
    }

    [Property]
    public void Json_lines_give_back_any_text(NonNull<string> instruction, NonNull<string> output)
    {
        string Valid(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        var (i, o) = (Valid(instruction.Get), Valid(output.Get));
        string Json(string text) => $"\"{System.Text.Json.JsonEncodedText.Encode(text)}\"";
        using var file = new TempFile("x.jsonl", $$"""{"instruction":{{Json(i)}},"output":{{Json(o)}}}""");
        var example = Assert.Single(DataSet.Read(file.Path, TaskPreset.Alpaca).Examples);
        Assert.Equal((i, o), (example.Instruction, example.Output));
    }

    [Property]
    public void Csv_gives_back_any_text(NonNull<string> question, NonNull<string> answer)
    {
        // a NUL is no text, and a byte-order mark stands at the beginning of a file alone
        string Valid(string text) =>
            Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Replace("\0", "").Replace("\uFEFF", "");
        string Quoted(string text) => $"\"{text.Replace("\"", "\"\"")}\"";
        var (q, a) = (Valid(question.Get), Valid(answer.Get));
        using var file = new TempFile("x.csv", $"q,a\n{Quoted(q)},{Quoted(a)}\n");
        var example = Assert.Single(DataSet.Read(file.Path, TaskPreset.From(new("q", "a"))).Examples);
        Assert.Equal((q, a), (example.Instruction, example.Output));
    }
}
