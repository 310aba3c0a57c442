using System.Text.Json;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>Files of conversations as people have them.</summary>
public sealed class ChatRowsTests
{
    private const string Talk = "user:Hi|assistant:Ho|user:A?|assistant:B";

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"},{"role":"user","content":"A?"},{"role":"assistant","content":"B"}],"id":7}""", Talk)]
    [InlineData("""{"id":"x_0","conversations":[{"from":"human","value":"Hi"},{"from":"gpt","value":"Ho"},{"from":"human","value":"A?"},{"from":"gpt","value":"B"}]}""", Talk)]
    [InlineData("""{"conversations":[{"from":"system","value":"S"},{"from":"user","value":"A?"},{"from":"chatgpt","value":"B"}]}""", "system:S|user:A?|assistant:B")]
    [InlineData("""{"prompt":"A?","completion":"B"}""", "user:A?|assistant:B")]
    [InlineData("""{"prompt":"A?","chosen":"B","rejected":"C"}""", "user:A?|assistant:B")]
    [InlineData("""{"prompt":[{"role":"user","content":"A?"}],"completion":[{"role":"assistant","content":"B"}]}""", "user:A?|assistant:B")]
    [InlineData("""{"prompt":"A?","chosen":[{"role":"user","content":"A?"},{"role":"assistant","content":"B"}],"rejected":[]}""", "user:A?|assistant:B")]
    [InlineData("""{"chosen":[{"role":"user","content":"A?"},{"role":"assistant","content":"B"}],"rejected":[],"score":1}""", "user:A?|assistant:B")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"text","text":"A"},{"type":"text","text":"?"}]},{"role":"assistant","content":"B","weight":1}]}""", "user:A?|assistant:B")]
    [InlineData("""{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"x","weight":0},{"role":"user","content":"A?"},{"role":"assistant","content":"B"}]}""", "user:A?|-assistant:x|user:A?|assistant:B")]
    [InlineData("""{"chosen":"\n\nHuman: Hi\n\nAssistant: Ho\n\nHuman: A?\n\nAssistant: B","rejected":"\n\nHuman: Hi\n\nAssistant: C"}""", Talk)]
    [InlineData("""{"chosen":"Human: A?\n\nAssistant: B"}""", "user:A?|assistant:B")]
    [InlineData("""{"prompt":"\n\nHuman: Hi\n\nAssistant: Ho\n\nHuman: A?\n\nAssistant:","chosen":"B"}""", Talk)]
    [InlineData("""{"prompt":"\n\nHuman: A?\n\nAssistant:","chosen":"\n\nHuman: A?\n\nAssistant: B"}""", "user:A?|assistant:B")]
    [InlineData("""{"messages":null,"prompt":"A?","completion":null,"chosen":"B"}""", "user:A?|assistant:B")]
    [InlineData("""{"messages":null,"conversations":[{"from":"human","value":"A?"},{"from":"gpt","value":"B"}]}""", "user:A?|assistant:B")]
    [InlineData("""{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"B","tool_calls":[]}],"conversations":[{"from":"human","value":"A?"},{"from":"gpt","value":"B"}]}""", "user:A?|assistant:B")]
    [InlineData("""{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"x","train":"false"},{"role":"user","content":"A?"},{"role":"assistant","content":"B","weight":null}]}""", "user:A?|-assistant:x|user:A?|assistant:B")]
    [InlineData("""{"prompt":"A?","completion":"Human: what?"}""", "user:A?|assistant:Human: what?")]
    [InlineData("""{"messages":"[ {\"role\":\"user\",\"content\":\"A?\"},{\"role\":\"assistant\",\"content\":\"B\"}]"}""", "user:A?|assistant:B")]
    [InlineData("""{"messages":"[{\"role\":\"user\",\"content\":\"A?\"},{\"role\":\"assistant\",\"content\":\"B\"}]"}""", "user:A?|assistant:B")]
    public void Every_form_is_read(string row, string expected)
    {
        using var file = new TempFile("c.jsonl", row);
        var example = Assert.Single(DataSet.Read(file.Path, TaskPreset.Chat).Examples);
        Assert.Equal(expected, string.Join('|', example.Turns.Select(turn =>
            $"{(turn.IsAnswer && !turn.Learned ? "-" : "")}{turn.Message.Role}:{turn.Message.Content}")));
        Assert.Equal(
            ("A?", "", expected.Contains("Human", StringComparison.Ordinal) ? "Human: what?" : "B", "chat"),
            (example.Instruction, example.Input, example.Output, example.Source));
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"A?"},{"role":"tool","content":"B"}]}""", "messages[1].role", "'tool'")]
    [InlineData("""{"messages":[{"role":"user","content":"A?"},{"content":"B"}]}""", "messages[1].from", "null")]
    [InlineData("""{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":null,"tool_calls":[]}]}""", "messages[1].content", "null")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"x"}]}]}""", "messages[0].content", "a list")]
    [InlineData("""{"messages":["A?"]}""", "messages[0]", "a string of 2 characters")]
    [InlineData("""{"messages":[]}""", "messages", "a list")]
    [InlineData("""{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"B","weight":0.5}]}""", "messages[1].weight", "0.5")]
    [InlineData("""{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"B","train":"perhaps"}]}""", "messages[1].train", "a string of 7 characters")]
    [InlineData("""{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"B","tool_calls":[{"id":"1"}]}]}""", "messages[1].tool_calls", "a list")]
    [InlineData("""{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"B"}],"conversations":[{"from":"human","value":"C?"},{"from":"gpt","value":"D"}]}""", "conversations", "a list")]
    [InlineData("""{"messages":null}""", "messages", "null")]
    [InlineData("""{"messages":"A?"}""", "messages", "a string of 2 characters")]
    [InlineData("""{"messages":[{"role":"system","content":"S"}]}""", "messages", "a list")]
    [InlineData("""{"messages":"[{\"role\":}]"}""", "messages", null)]
    [InlineData("""{"prompt":"A?"}""", "messages", "'prompt'")]
    [InlineData("""{"prompt":"A?","completion":7}""", "completion", "7")]
    [InlineData("""{"prompt":"Another?","chosen":[{"role":"user","content":"A?"},{"role":"assistant","content":"B"}]}""", "chosen", "a list")]
    public void What_is_no_conversation_is_named_with_file_row_and_field(string row, string field, string? found)
    {
        using var file = new TempFile("c.jsonl", """{"prompt":"A?","completion":"B"}""" + "\n" + row);
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Chat));
        Assert.Equal(("c.jsonl", 2, field), (error.File, error.Row, error.Field));
        if (found is not null)
            Assert.Contains($"found:    {found}", error.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// A conversation written as HH-RLHF writes it is the one that a list of messages holds, mask and all.
    /// </summary>
    [Property]
    public void Spoken_turns_are_the_messages(NonEmptyString[] said)
    {
        string[] words = [.. said.Select(text => text.Get.Trim().Replace("\n\n", "\n", StringComparison.Ordinal))
            .Where(text => text.Length > 0 && text.IsNormalized())];
        words = words.Length % 2 == 0 ? [.. words, "q", "a"] : [.. words, "a"];
        string spoken = string.Concat(words.Select((text, i) => $"\n\n{(i % 2 == 0 ? "Human" : "Assistant")}: {text}"));
        var messages = words.Select((text, i) => new Dictionary<string, string> { ["role"] = i % 2 == 0 ? "user" : "assistant", ["content"] = text });
        using var file = new TempFile("c.json", JsonSerializer.Serialize(new object[]
            { new Dictionary<string, object> { ["chosen"] = spoken }, new Dictionary<string, object> { ["messages"] = messages } }));
        var rows = DataSet.Read(file.Path, TaskPreset.Chat).Examples;
        Assert.Equal(rows[1].Turns, rows[0].Turns);
        Assert.Equal((rows[1].Instruction, rows[1].Output), (rows[0].Instruction, rows[0].Output));
    }

    [Fact]
    public void Every_question_of_a_conversation_is_held_out()
    {
        using var file = new TempFile(
            "c.jsonl",
            """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"},{"role":"user","content":"A?"},{"role":"assistant","content":"B"}]}""");
        var rows = DataSet.Read(file.Path, TaskPreset.Chat).Examples;
        Assert.Empty(PromptOverlap.Remove(rows, [Rows.One("hi")]).Kept);
        Assert.Empty(PromptOverlap.Remove(rows, [Rows.One("a? ")]).Kept);
        Assert.Single(PromptOverlap.Remove(rows, [Rows.One("ho")]).Kept);
    }
}
