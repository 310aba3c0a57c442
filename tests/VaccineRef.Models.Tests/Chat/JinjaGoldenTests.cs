using System.Text.Json;

namespace VaccineRef.Models.Tests.Chat;

/// <summary>
/// Every template of goldens.json is rendered as Jinja2 renders it, or refused where Jinja2 refuses it.
/// </summary>
public sealed class JinjaGoldenTests
{
    private static readonly ChatTokens Tokens = new("<s>", "</s>");

    [Fact]
    public void Templates_are_rendered_as_jinja2_renders_them()
    {
        using var stream = typeof(JinjaGoldenTests).Assembly.GetManifestResourceStream("goldens.json")!;
        var wrong = new List<string>();
        int count = 0;
        foreach (var golden in JsonDocument.Parse(stream).RootElement.EnumerateArray())
        {
            count++;
            string? expected = golden.TryGetProperty("text", out var text) ? text.GetString() : null;
            string found = Render(golden, out bool refused);
            if (refused ? expected is not null : expected != found)
                wrong.Add($"{golden.GetProperty("name")} {golden.GetProperty("messages").GetArrayLength()} messages\n  expected {expected ?? "an error"}\n  found    {found}");
        }

        Assert.True(wrong.Count == 0, $"{wrong.Count} of {count}:\n{string.Join('\n', wrong)}");
        Assert.True(count > 300, $"{count}");
    }

    private static string Render(JsonElement golden, out bool refused)
    {
        try
        {
            refused = false;
            ChatMessage[] messages = [.. golden.GetProperty("messages").EnumerateArray().Select(message =>
                new ChatMessage(
                    message.GetProperty("role").GetString()!, message.GetProperty("content").GetString()!))];
            return ChatTemplate.Parse(golden.GetProperty("template").GetString()!, Tokens).Render(
                messages, golden.GetProperty("generate").GetBoolean());
        }
        catch (ChatTemplateException error)
        {
            refused = true;
            return error.Message;
        }
    }
}
