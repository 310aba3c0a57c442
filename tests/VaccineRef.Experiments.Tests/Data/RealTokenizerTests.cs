using VaccineRef.Experiments.Data;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>
/// Real rows with real tokenizers: where prompts end, how many rows are cut off, and how many are dropped.
/// </summary>
public sealed class RealTokenizerTests
{
    [Theory]
    [InlineData("llama2", "alpaca-vaccine")]
    [InlineData("llama2", "alpaca-booster")]
    [InlineData("opt", "alpaca-vaccine")]
    [InlineData("opt", "alpaca-booster")]
    [InlineData("gpt2", "alpaca-vaccine")]
    public void Every_row_is_accounted_for(string family, string template)
    {
        var tokenizer = TextTokenizer.Load(SharedData.Tokenizer(family));
        var encoder = new ExampleEncoder(tokenizer, PromptTemplate.Get(template), boundary: BoundaryPolicy.Separate);
        foreach (var (path, task) in new[]
        {
            ("beavertails/30k_test_safe_filtered.jsonl", "beavertails"),
            ("beavertails/30k_test_unsafe_filtered.jsonl", "beavertails"),
            ("sst2/alps_test.tsv", "sst2"), ("gsm8k/test.jsonl", "gsm8k"), ("alpaca/alpaca_5000.json", "alpaca"),
        })
        {
            var data = DataSet.Read(SharedData.Path(path), TaskPreset.Get(task));
            var (rows, report) = encoder.Encode(data.Examples);
            TestContext.Current.SendDiagnosticMessage($"{family} {template} {path}: kept {report.Kept}, " +
                $"cut {report.Truncated}, dropped {report.Dropped.Length}, no boundary {report.BoundaryMismatches}");
            Assert.Equal(data.Source.Rows, report.Kept + report.Dropped.Length);
            Assert.All(rows, row => Assert.Contains(row.Labels, label => label != PackedBatch.Ignored));
            Assert.All(rows.Where(row => !row.Truncated), row => Assert.Equal(tokenizer.EosId, row.Labels[^1]));
        }
    }

    /// <summary>The ids of Llama 2's own conversations: 1, then "[", "INST", "]"; each answer ends in 2.</summary>
    [Fact]
    public void Marks_of_a_chat_template_are_single_tokens()
    {
        string folder = SharedData.Tokenizer("llama2");
        var tokenizer = TextTokenizer.Load(folder);
        var template = PromptTemplate.Of(ChatTemplate.Load(folder, "llama2"));
        var turns = new[] { ("user", "Hi"), ("assistant", "Ho"), ("user", "A?"), ("assistant", "B") }
            .Select(turn => new ChatTurn(new(turn.Item1, turn.Item2), turn.Item1 == "assistant")).ToList();
        var row = new ExampleEncoder(tokenizer, template).Encode([Rows.One("A?", output: "B") with { Turns = turns }]).Examples[0];
        Assert.Equal([1, 518, 25580, 29962], row.Tokens[..4]);
        Assert.Equal((2, 2), (row.Tokens.Count(id => id == 1), row.Tokens.Count(id => id == 2)));
        Assert.Equal(2, row.Labels.Count(id => id == 2));
        Assert.DoesNotContain(1, row.Labels);
        Assert.Equal([2], template.EndsOfTurn(tokenizer));
        Assert.Equal("Ho  B ", tokenizer.Decode([.. row.Labels.Where(label => label != PackedBatch.Ignored)]));
    }
}
