using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Tests.Data;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Tests.Evaluation;

/// <summary>What is beyond the model's context is named by file and row before the first step.</summary>
public sealed class ContextTests
{
    [Theory]
    [InlineData("harmful", 40)]
    [InlineData("task", 40)]
    public void A_prompt_beyond_the_context_is_named_by_file_and_row(string which, int added)
    {
        string[] questions = ["short", "short too", new('x', 300)];
        using var file = new TempFile("q.jsonl", string.Join('\n', questions.Select(question => which == "task"
            ? $$"""{"question":"{{question}}","answer":"#### 1"}""" : $$"""{"prompt":"{{question}}","response":"r","is_safe":false}""")));
        var data = new FileDataOptions { Path = file.Path, Task = which == "task" ? "gsm8k" : "beavertails" };
        var options = new HeldOutOptions { HarmfulTokens = added, TaskTokens = added };
        options = which == "task" ? options with { Task = data } : options with { Harmful = data };
        var recipe = new Recipe { Name = "n", Model = new FolderModelOptions { Path = "none" }, Stages = [], Evaluation = options, MaxLength = 600 };
        var reader = new DataReader(recipe, new("."), new CharacterTokenizer());
        using var device = new CpuDevice(threads: 1);
        using var evaluation = options.Open<float>(reader, null, device, WeightPrecision.Full, Alone.Only);
        int longest = evaluation.Prompts(which == "harmful").Max(prompt => prompt.Length);

        Assert.Empty(evaluation.BeyondContext(longest + added - 1));
        var error = evaluation.BeyondContext(longest + added - 2).First();
        Assert.Equal("q.jsonl:3", error.File);
        Assert.Contains($"{longest} tokens, and {added} to be generated", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompt_that_fills_the_maximal_length_has_no_loss_and_is_asked_all_the_same()
    {
        using var file = new TempFile("q.jsonl", $$"""{"question":"{{new string('x', 300)}}","answer":"#### 1"}""");
        var options = new HeldOutOptions { Task = new() { Path = file.Path, Task = "gsm8k" }, TaskTokens = 4 };
        var recipe = new Recipe { Name = "n", Model = new FolderModelOptions { Path = "none" }, Stages = [], Evaluation = options };
        using var device = new CpuDevice(threads: 1);
        using var evaluation = options.Open<float>(
            new DataReader(recipe, new("."), new CharacterTokenizer()), null, device, WeightPrecision.Full, Alone.Only);
        Assert.Single(evaluation.Prompts(harmful: false));
        Assert.Equal("q.jsonl:1", Assert.Single(evaluation.BeyondContext(300)).File);
    }

    [Fact]
    public void A_training_row_beyond_the_context_is_named()
    {
        TokenSequence[] rows = [new(new int[4], new int[4], "a.jsonl:1"), new(new int[5], new int[5], "a.jsonl:2")];
        Assert.Empty(ContextLimit.Beyond(rows, 5));
        Assert.Equal("a.jsonl:2", Assert.Single(ContextLimit.Beyond(rows, 4)).File);
    }
}
