using System.Text;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Reads conversations: "messages" with role and content (OpenAI, TRL), "conversations" with from and value (ShareGPT,
/// Vicuna), prompt and completion, and prompt and chosen, each of which may be a text, a list of messages (TRL), or a
/// text of turns behind "Human:" and "Assistant:" (HH-RLHF). What was rejected is not read.
/// </summary>
internal static class ChatRows
{
    private const string Human = "Human:", Assistant = "Assistant:";

    private static readonly string[] Whole = ["messages", "conversations", "conversation"],
        Answers = ["completion", "chosen"], Calls = ["tool_calls", "function_call"];

    public static Example Of(DataRow row)
    {
        var turns = Turns(row);
        bool answered = turns[^1].IsAnswer;
        string asked = turns.LastOrDefault(turn => turn.Message.Role == ChatMessage.User)?.Message.Content
            ?? throw row.Wrong(Field(row), "a conversation in which somebody asks something");
        bool? isSafe = row.Known("is_safe") is { } label ? row.Flag(label) : null;
        return new(row.Id, asked, "", answered ? turns[^1].Message.Content : "", isSafe, null, "chat") { Turns = turns };
    }

    private static string Field(DataRow row) => Given(row, Whole) ?? Given(row, Answers) ?? "messages";

    /// <summary>
    /// The first of these fields that holds something; files that unite several sets leave the others null.
    /// </summary>
    private static string? Given(DataRow row, string[] names) =>
        names.Select(name => row.Known(name)).FirstOrDefault(field => field is not null && row.Raw(field) is not null)
            ?? row.Known(names);

    private static List<ChatTurn> Turns(DataRow row)
    {
        if (Given(row, Whole) is { } whole && (row.Raw(whole) is not null || row.Known(Answers) is null))
        {
            var turns = Messages(row, whole) ?? throw row.Wrong(whole, "a list of messages");
            foreach (string other in Whole.Select(name => row.Known(name)).OfType<string>()
                .Where(name => name != whole && row.Raw(name) is not null))
                if (Messages(row, other)?.SequenceEqual(turns) != true)
                    throw row.Wrong(other, $"nothing, or the conversation of '{whole}'");
            return turns;
        }

        string answer = Given(row, Answers)
            ?? throw row.Lacks("messages", "messages, conversations, prompt with completion, or prompt with chosen");
        var answers = Messages(row, answer);
        if (answers is [{ IsAnswer: false }, ..])                   // the conversation from its beginning
            return row.Known("prompt") is not { } repeated
                || Asked(row, repeated).All(turn => answers.Exists(each => each.Message == turn.Message))
                ? answers
                : throw row.Wrong(answer, "answers, or a conversation that holds the prompt");
        answers ??= [Answer(row.Text(answer))];
        return [.. Asked(row, row.Known("prompt") ?? "prompt"), .. answers];
    }

    // A prompt may end in "Assistant:", which asks for the answer and is none.
    private static List<ChatTurn> Asked(DataRow row, string field)
    {
        var turns = Messages(row, field) ?? [new(new(ChatMessage.User, row.Text(field)), Learned: false)];
        return row.Raw(field) is string && turns is [.. var before, { IsAnswer: true, Message.Content: "" }]
            ? before
            : turns;
    }

    private static ChatTurn Answer(string text) => new(new(ChatMessage.Assistant, text), Learned: true);

    /// <summary>
    /// The messages of a field that holds a list, or text that is a list in JSON or of turns; null where it holds other
    /// text.
    /// </summary>
    private static List<ChatTurn>? Messages(DataRow row, string field)
    {
        object? value = row.Raw(field);
        if (value is string text)
        {
            if (Spoken(text) is { } turns)
                return turns;
            value = text.TrimStart() is ['[', .. var rest] && rest.AsSpan().TrimStart() is ['{', ..]
                ? row.Json(field, Encoding.UTF8.GetBytes(text))
                : null;
        }

        if (value is not object?[] list)
            return null;
        if (list.Length == 0)
            throw row.Wrong(field, "at least one message");
        return [.. list.Select((message, i) => Turn(row, $"{field}[{i}]", message))];
    }

    /// <summary>
    /// The turns of a text in which each begins behind a blank line with "Human:" or "Assistant:", as HH-RLHF writes
    /// them. Null where the text does not begin so.
    /// </summary>
    private static List<ChatTurn>? Spoken(string text)
    {
        if (!text.AsSpan().TrimStart().StartsWith(Human, StringComparison.Ordinal)
            || !text.Contains($"\n\n{Assistant}", StringComparison.Ordinal))
            return null;
        var turns = new List<ChatTurn>();
        bool answers = false;
        for (int at = text.IndexOf(Human, StringComparison.Ordinal) + Human.Length; at <= text.Length;)
        {
            var (end, next, nextAnswers) = NextTurn(text, at);
            string content = text[at..end].Trim();
            turns.Add(answers ? Answer(content) : new(new(ChatMessage.User, content), Learned: false));
            (at, answers) = (next, nextAnswers);
        }

        return turns;
    }

    // Where the turn ends, where the next one's words begin, and whether it is an answer; behind the text where there
    // is none.
    private static (int End, int Next, bool Answers) NextTurn(string text, int from)
    {
        int human = text.IndexOf($"\n\n{Human}", from, StringComparison.Ordinal);
        int answer = text.IndexOf($"\n\n{Assistant}", from, StringComparison.Ordinal);
        bool answers = answer >= 0 && (human < 0 || answer < human);
        int end = answers ? answer : human;
        return end < 0
            ? (text.Length, text.Length + 1, false)
            : (end, end + 2 + (answers ? Assistant : Human).Length, answers);
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
            ?? throw row.Wrong(
                $"{at}.{held}", members.GetValueOrDefault(held), "text, or a list of parts of the type text");
        foreach (string call in Calls)
            if (members.GetValueOrDefault(call) is not (null or object?[] { Length: 0 }))
                throw row.Wrong($"{at}.{call}", members[call], "nothing: calls of tools are not read");
        bool weighted = Weight(row, at, "weight", members) ?? Weight(row, at, "train", members) ?? true;
        return new(new(role, content), role == ChatMessage.Assistant && weighted);
    }

    private static bool? Weight(DataRow row, string at, string key, IReadOnlyDictionary<string, object?> members) =>
        members.GetValueOrDefault(key) is not { } value ? null
        : LabelValue.Flag(value)
            ?? throw row.Wrong($"{at}.{key}", value, "0 or 1, false or true: a turn is learned or not");

    private static string? Content(object? value) => value switch
    {
        string text => text,
        object?[] parts when parts.All(part => part is IReadOnlyDictionary<string, object?> members
            && members.GetValueOrDefault("type") is "text" && members.GetValueOrDefault("text") is string) =>
            string.Concat(parts.Select(part => ((IReadOnlyDictionary<string, object?>)part!)["text"])),
        _ => null,
    };
}
