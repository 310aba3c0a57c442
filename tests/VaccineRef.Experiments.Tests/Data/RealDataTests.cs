using System.Security.Cryptography;
using System.Text;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>Checks the real files by counts and hashes only, because some of their text is harmful.</summary>
public sealed class RealDataTests
{
    [Theory]
    [InlineData("beavertails/30k_test_safe_filtered.jsonl", "beavertails", "json-lines", 1140)]
    [InlineData("beavertails/30k_test_unsafe_filtered.jsonl", "beavertails", "json-lines", 1483)]
    [InlineData("refusals/safety_only_data_Instructions.json", "refusals", "json-array", 2483)]
    [InlineData("alpaca/alpaca_5000.json", "alpaca", "json-array", 5000)]
    [InlineData("alpaca/alpaca_eval_davinci003_805.json", "alpaca", "json-array", 805)]
    [InlineData("sst2/alps_train.tsv", "sst2", "tsv", 60614)]
    [InlineData("sst2/alps_dev.tsv", "sst2", "tsv", 6735)]
    [InlineData("gsm8k/train.jsonl", "gsm8k", "json-lines", 7473)]
    [InlineData("ag_news/test.csv", "ag_news", "csv", 7600)]
    public void Every_row_is_read(string path, string task, string format, int rows)
    {
        var data = DataSet.Read(SharedData.Path(path), TaskPreset.Get(task));
        Assert.Equal((rows, $"{format} as {task}"), (data.Source.Rows, data.Source.Reader));
        Assert.Equal(rows, data.Examples.Select(example => example.Id).Distinct().Count());
        string provenance = Path.Combine(Path.GetDirectoryName(SharedData.Path(path))!, "PROVENANCE.txt");
        Assert.Contains($"sha256 {data.Source.Sha256}", File.ReadAllText(provenance), StringComparison.Ordinal);
    }

    /// <summary>Compares with the same rows as the authors of Vaccine converted them.</summary>
    [Theory]
    [InlineData("sst2/alps_test.tsv", "sst2", "sst2/vaccine_format_val.json", 872)]
    [InlineData("gsm8k/test.jsonl", "gsm8k", "gsm8k/vaccine_format_test.json", 1319)]
    public void A_preset_gives_what_the_released_conversion_gave(string raw, string task, string released, int rows)
    {
        var ours = DataSet.Read(SharedData.Path(raw), TaskPreset.Get(task)).Examples;
        var theirs = DataSet.Read(SharedData.Path(released), TaskPreset.Alpaca).Examples;
        Assert.Equal(rows, ours.Length);
        Assert.Equal(
            theirs.Select(row => (row.Instruction, row.Input, row.Output)),
            ours.Select(row => (row.Instruction, row.Input, row.Output)));
        var again = DataSet.Read(SharedData.Path(released), TaskPreset.Get(task)).Examples;
        Assert.Equal(
            again.Select(row => (row.Instruction, row.Input, row.Output, row.Source)),
            ours.Select(row => (row.Instruction, row.Input, row.Output, row.Source)));
    }

    /// <summary>The expected hash is that of the fields as Python's csv module reads them.</summary>
    [Fact]
    public void Csv_fields_are_those_of_another_reader()
    {
        var news = DataSet.Read(SharedData.Path("ag_news/test.csv"), TaskPreset.AgNews).Examples;
        Assert.Equal(
            "f5add326e94ae2f1594e96528861e57e92bec00325a2e7ff0b7acbda17f15136",
            Hash(news.Select(row => $"{row.Input}\n{row.Output}\n")));
        Assert.All(news.CountBy(row => row.Output), label => Assert.Equal(1900, label.Value));

        var map = new FieldMap("prompt", "completion", Label: "final_label");
        var completions = DataSet.Read(
            SharedData.Path("xstest/xstest_completions_llama2new_labelled.csv"), TaskPreset.From(map)).Examples;
        Assert.Equal(
            "8801c62e9c1b045251d5355ac2bf5cdcd49b83592d9d33fdf866972954d56d05",
            Hash(completions.Select(row => $"{row.Instruction}\n{row.Output}\n{row.Label}\n")));
    }

    [Fact]
    public void Safe_and_unsafe_rows_share_prompts_until_the_overlap_is_removed()
    {
        var safe = Beaver("safe");
        var harmful = Beaver("unsafe");
        Assert.DoesNotContain(safe.Examples, row => row.IsSafe != true);
        Assert.DoesNotContain(harmful.Examples, row => row.IsSafe != false);
        Assert.DoesNotContain(harmful.Examples, row => row.Label is null or "");
        Assert.NotEmpty(PromptOverlap.Remove(safe.Examples, harmful.Examples).Removed);
    }

    private static DataSet Beaver(string half) =>
        DataSet.Read(SharedData.Path($"beavertails/30k_test_{half}_filtered.jsonl"), TaskPreset.BeaverTails);

    private static string Hash(IEnumerable<string> parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(parts))));
}
