using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>
/// A wrong file leads to an error that names the file, the row and the field, and never quotes the text of a row.
/// </summary>
public sealed class DataErrorTests
{
    private const string Good = """{"prompt":"p","response":"r","is_safe":true}""";

    [Theory]
    [InlineData("empty.jsonl", "", "no rows")]
    [InlineData("blank.jsonl", "\n \n", "no rows")]
    [InlineData("empty.json", "[]", "no rows")]
    [InlineData("header.tsv", "sentence\tlabel\n", "no rows")]
    [InlineData("what.dat", "hello", "format cannot be told")]
    [InlineData("array.jsonl", "[1]", "no object")]
    [InlineData("not.gz", "hello", "not what its name says")]
    [InlineData("not.parquet", "hello", "format cannot be told")]
    public void An_empty_or_unknown_file(string name, string content, string what)
    {
        using var file = new TempFile(name, content);
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.BeaverTails));
        Assert.Contains(what, error.What, StringComparison.Ordinal);
        Assert.EndsWith(name, error.File, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Good + "\n{\"prompt\":\"secret\",", 2, null, "broken JSON")]
    [InlineData(Good + "\n[1]", 2, null, "no object")]
    [InlineData(Good + "\n\n{\"prompt\":\"secret\",\"is_safe\":true}", 3, "response", "lacks a field")]
    [InlineData("{\"prompt\":\"secret\",\"response\":5,\"is_safe\":true}", 1, "response", "wrong content")]
    [InlineData("{\"prompt\":null,\"response\":\"secret\",\"is_safe\":true}", 1, "prompt", "wrong content")]
    [InlineData("{\"prompt\":\"p\",\"response\":\"r\",\"is_safe\":\"secret\"}", 1, "is_safe", "wrong content")]
    [InlineData("{\"prompt\":\"p\",\"response\":\"r\",\"is_safe\":\"'secret'\"}", 1, "is_safe", "wrong content")]
    [InlineData("{\"prompt\":\"p\",\"response\":\"r\",\"is_safe\":5}", 1, "is_safe", "wrong content")]
    [InlineData("{\"prompt\":\"p\",\"prompt\":\"secret\",\"response\":\"r\",\"is_safe\":true}", 1, "prompt", "stands twice")]
    [InlineData("{\"prompt\":\"secret \\ud83d\",\"response\":\"r\",\"is_safe\":true}", 1, "prompt", "cannot be read")]
    [InlineData("{\"\\ud83d\":\"secret\",\"response\":\"r\",\"is_safe\":true}", 1, null, "no valid Unicode")]
    public void A_wrong_row_of_json(string content, int row, string? field, string what)
    {
        using var file = new TempFile("b.jsonl", content);
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.BeaverTails));
        Assert.Contains(what, error.What, StringComparison.Ordinal);
        Assert.Equal((row, field), (error.Row, error.Field));
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("s.tsv", "sentence\tlabel\ngood\t1\nsecret\t2\n", 2, "label", "wrong content")]
    [InlineData("s.tsv", "sentence\tlabel\ngood\t1\nsecret\n", 2, null, "number of columns")]
    [InlineData("s.tsv", "sentence\tlabel\tlabel\nsecret\t1\t1\n", 1, "label", "cannot be read")]
    [InlineData("s.tsv", "text\tlabel\nsecret\t1\n", 1, "sentence", "lacks a field")]
    [InlineData("s.csv", "sentence,label\n\"good\",1\n\"secret,1\nmore,0\n", 2, null, "quoted wrongly")]
    [InlineData("s.csv", "sentence,label\ngood,1\nsecret \"x\" y,1\n", 2, null, "quoted wrongly")]
    public void A_wrong_row_of_columns(string name, string content, int row, string? field, string what)
    {
        using var file = new TempFile(name, content);
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Sst2));
        Assert.Contains(what, error.What, StringComparison.Ordinal);
        Assert.Equal((row, field), (error.Row, error.Field));
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_field_names_the_fields_that_are_there()
    {
        using var file = new TempFile("a.json", """[{"instruction":"i","answer":"o"}]""");
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Alpaca));
        Assert.Contains("'instruction', 'answer'", error.Message, StringComparison.Ordinal);
        Assert.Contains("expected: 'output'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("g.jsonl")]
    [InlineData("g.csv")]
    public void Bytes_that_are_no_utf8_are_placed_by_line(string name)
    {
        using var file = new TempFile(name, [.. "{\"question\":\"a\"}\n{\"q\":\"é"u8, 0xFF, .. "\"}"u8]);
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.From(new("question", "a"))));
        Assert.Equal("a data file is not UTF-8", error.What);
        Assert.Equal(2, error.Row);
        Assert.Contains("0xFF", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gsm8k_answer_without_its_mark()
    {
        using var file = new TempFile("g.jsonl", """{"question":"1+1?","answer":"two"}""");
        Assert.Equal("answer", Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Gsm8k)).Field);
    }

    [Fact]
    public void A_broken_or_cut_gzip()
    {
        byte[] whole = TempFile.Gzip(string.Join('\n', Enumerable.Repeat(Good, 100)));
        foreach (int length in (int[])[5, whole.Length / 2, whole.Length - 9, whole.Length - 1])
        {
            using var file = new TempFile("b.jsonl.gz", whole[..length]);
            var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.BeaverTails));
            Assert.Equal("a gzip file is broken", error.What);
        }
    }

    [Fact]
    public void A_file_that_is_not_there()
    {
        string path = Path.Combine(Path.GetTempPath(), "no", "such.json");
        Assert.Equal(path, Assert.Throws<DataException>(() => DataSet.Read(path, TaskPreset.Alpaca)).File);
    }

    [Fact]
    public void An_unknown_preset_lists_the_known() => Assert.Contains(
        "sst2, ag_news, gsm8k, alpaca, beavertails, refusals",
        Assert.Throws<VaccineRef.Core.InputException>(() => TaskPreset.Get("sst-2")).Message, StringComparison.Ordinal);
}
