using System.Text;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Reads conversations: "messages" with role and content (OpenAI, TRL), "conversations" with from and value (ShareGPT,
/// Vicuna), prompt and completion, and prompt and chosen, each of which may be a text or a list of messages (TRL). What was
/// rejected is not read.
/// </summary>
internal static class ChatRows
{
    private static readonly string[] Whole = ["messages", "conversations", "conversation"], Answers = ["completion", "chosen"];

    public static Example Of(DataRow row)
    {
        var turns = Turns(row);
        bool answered = turns[^1].IsAnswer;
        string asked = turns.LastOrDefault(turn => turn.Message.Role == ChatMessage.User)?.Message.Content
            ?? throw row.Wrong(Field(row), "a conversation in which somebody asks something");
        bool? isSafe = row.Known("is_safe") is { } label ? row.Flag(label) : null;
        return new(row.Id, asked, "", answered ? turns[^1].Message.Content : "", isSafe, null, "chat") { Turns = turns };
    }

    private static string Field(DataRow row) => row.Known(Whole) ?? row.Known(Answers) ?? "messages";

    private static List<ChatTurn> Turns(DataRow row)
    {
        if (row.Known(Whole) is { } whole)
            return Messages(row, whole) ?? throw row.Wrong(whole, "a list of messages");
        string answer = row.Known(Answers) ?? throw row.Lacks("messages", "messages, conversations, prompt with completion, or prompt with chosen");
        var answers = Messages(row, answer);
        if (answers is [{ IsAnswer: false }, ..])                   // the conversation from its beginning
            return row.Known("prompt") is not { } repeated || Asked(row, repeated).All(turn => answers.Exists(each => each.Message == turn.Message))
                ? answers
                : throw row.Wrong(answer, "answers, or a conversation that holds the prompt");
        answers ??= [Answer(row.Text(answer))];
        return [.. Asked(row, row.Known("prompt") ?? "prompt"), .. answers];
    }

    private static List<ChatTurn> Asked(DataRow row, string field) =>
        Messages(row, field) ?? [new(new(ChatMessage.User, row.Text(field)), Learned: false)];

    private static ChatTurn Answer(string text) => new(new(ChatMessage.Assistant, text), Learned: true);

    /// <summary>The messages of a field that holds a list, or text that is a list in JSON; null where it holds other text.</summary>
    private static List<ChatTurn>? Messages(DataRow row, string field)
    {
        object? value = row.Raw(field);
        if (value is string text)
            value = text.TrimStart().StartsWith("[{", StringComparison.Ordinal) ? row.Json(field, Encoding.UTF8.GetBytes(text)) : null;
        if (value is not object?[] list)
            return null;
        if (list.Length == 0)
            throw row.Wrong(field, "at least one message");
        return [.. list.Select((message, i) => Turn(row, $"{field}[{i}]", message))];
    }

    private static ChatTurn Turn(DataRow row, string at, object? message)
    {
        if (message is not IReadOnlyDictionary<string, object?> members)
            throw row.Wrong(at, message, "an object with role and content, or with from and value");
        string key = members.ContainsKey("role") ? "role" : "from";
        string role = (members.GetValueOrDefault(key) as string)?.Trim().ToLowerInvariant() switch
        {
            "user" or "human" or "prompter" => ChatMessage.User,
            "assistant" or "gpt" or "chatgpt" or "bot" or "model" => ChatMessage.Assistant,
            "system" => ChatMessage.System,
            var other => throw row.WrongAsShown(
                $"{at}.{key}",
                other is { Length: > 0 and <= 20 } && other.All(char.IsAsciiLetter)
                    ? $"'{other}'"
                    : DataRow.Describe(members.GetValueOrDefault(key)),
                "user or human, assistant or gpt, or system"),
        };
        string held = members.ContainsKey("content") ? "content" : "value";
        string content = Content(members.GetValueOrDefault(held))
            ?? throw row.Wrong($"{at}.{held}", members.GetValueOrDefault(held), "text, or a list of parts of the type text");
        bool weighted = LabelValue.Flag(members.GetValueOrDefault("weight")) ?? LabelValue.Flag(members.GetValueOrDefault("train")) ?? true;
        return new(new(role, content), role == ChatMessage.Assistant && weighted);
    }

    private static string? Content(object? value) => value switch
    {
        string text => text,
        object?[] parts when parts.All(part => part is IReadOnlyDictionary<string, object?> members
            && members.GetValueOrDefault("type") is "text" && members.GetValueOrDefault("text") is string) =>
            string.Concat(parts.Select(part => ((IReadOnlyDictionary<string, object?>)part!)["text"])),
        _ => null,
    };
}
