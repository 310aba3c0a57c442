using System.Globalization;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>Everything that is wrong with the rows of a file is said in one pass, and nothing else.</summary>
public sealed class BadRowsLaws
{
    private const int Bad = 0, Good = 1;

    public static TheoryData<string, string, string, string, string> Forms => new()
    {
        { "a.jsonl", "", "{\"prompt\":\"p\",\"response\":\"r\",\"is_safe\":true}\n", "{\"prompt\":\"p\",\"response\":7,\"is_safe\":true}\n", "response" },
        { "a.jsonl", "", "{\"prompt\":\"p\",\"response\":\"r\",\"is_safe\":true}\n", "[1]\n", "" },
        { "a.csv", "prompt,response,is_safe\n", "p,r,yes\n", "p,r,perhaps\n", "is_safe" },
        { "a.csv", "prompt,response,is_safe\n", "p,r,yes\n", "p,r\n", "" },
        { "a.tsv", "prompt\tresponse\tis_safe\n", "p\tr\t1\n", "p\tr\t1\t\n", "" },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Every_bad_row_is_named_and_no_good_one(
        string name, string header, string good, string bad, string field)
    {
        var random = new Random(name.Length + bad.Length);
        for (int round = 0; round < 30; round++)
        {
            int[] rows = [Good, .. Enumerable.Range(0, random.Next(1, 30)).Select(_ => random.Next(2))];
            using var file = new TempFile(name, header + string.Concat(rows.Select(row => row == Good ? good : bad)));
            int[] wrong = [.. rows.Index().Where(row => row.Item == Bad).Select(row => row.Index + 1)];
            var error = Record.Exception(() => DataSet.Read(file.Path, TaskPreset.BeaverTails));
            DataException[] named = error switch
            {
                null => [],
                DataException one => [one],
                DataRowsException several => [.. several.Rows],
                _ => throw error,
            };
            Assert.Equal(wrong.Take(BadRows.Named).Cast<int?>(), named.Select(each => each.Row));
            Assert.All(named, each => Assert.Equal((name, field), (each.File, each.Field ?? "")));
            if (wrong.Length > BadRows.Named)
                Assert.Contains(
                    string.Create(CultureInfo.InvariantCulture, $"{wrong.Length - BadRows.Named} more rows"),
                    error!.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_ends_the_file_is_named_behind_what_was_wrong_before()
    {
        using var file = new TempFile("a.jsonl", "{\"prompt\":1}\n{\"prompt\":\"p\"}\n{\"prompt\":\n");
        var error = Assert.Throws<DataRowsException>(() => DataSet.Read(file.Path, TaskPreset.Prompts));
        Assert.Equal([1, 3], error.Rows.Select(each => each.Row));
    }

    [Fact]
    public void Nobody_reads_on_for_ever()
    {
        using var file = new TempFile("a.jsonl", string.Concat(Enumerable.Repeat("{}\n", BadRows.Most + 500)));
        var error = Assert.Throws<DataRowsException>(() => DataSet.Read(file.Path, TaskPreset.Prompts));
        Assert.StartsWith($"at least {BadRows.Most} rows", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_with_which_the_same_is_wrong_are_said_together()
    {
        using var file = new TempFile("a.jsonl", "{\"prompt\":1}\n{\"prompt\":2}\n{\"prompt\":1}\n{\"x\":3}\n");
        var error = Assert.Throws<DataRowsException>(() => DataSet.Read(file.Path, TaskPreset.Prompts));
        Assert.Equal(3, error.Each.Count());
        Assert.Contains("a.jsonl, rows 1, 3, field 'prompt'", error.Message, StringComparison.Ordinal);
        using var other = new TempFile("a.jsonl", "{\"x\":3}\n{\"x\":3}\n");
        Assert.DoesNotContain(
            "1.", Assert.Throws<DataRowsException>(() => DataSet.Read(other.Path, TaskPreset.Prompts)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>Rows that are not chosen are not looked at.</summary>
    [Fact]
    public void Rows_beyond_the_range_are_not_wrong()
    {
        using var file = new TempFile("a.jsonl", "{}\n{\"prompt\":\"p\"}\n{}\n{}\n");
        Assert.Single(DataSet.Read(file.Path, TaskPreset.Prompts, rows: RowRange.Parse("2-2")).Examples);
    }
}
