using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Cuts a conversation into what is learned and what is not. A turn of the model is learned from where the model begins
/// to answer (the text with the generation prompt) to the first special token behind what it says, which ends the turn;
/// where the template has no such token, to the end of the turn. Where a template marks its answers by {% generation
/// %}, its marks hold.
/// </summary>
/// <param name="template">The text around the turns.</param>
/// <param name="system">A system text for conversations that have none; none if it is null.</param>
internal sealed class ChatPassages(ChatTemplate template, string? system)
{
    /// <summary>The template and, where there is one, the system text, by the beginning of its hash.</summary>
    public string Id { get; } = system is null ? template.Id
        : $"{template.Id}, system {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(system)).AsSpan(0, 4))}";

    /// <summary>The text up to where the model begins its last answer.</summary>
    public string Prompt(Example example)
    {
        var turns = Turns(example);
        return Render(example, turns is [.. var asked, { IsAnswer: true }] ? asked : turns, asks: true);
    }

    public IReadOnlyList<Passage> Of(Example example, ITextTokenizer tokenizer)
    {
        ChatTurn[] turns = Turns(example);
        if (!turns.Any(turn => turn.Learned))
            throw new DataException(
                "a conversation without an answer of the model cannot be trained on", example.Id,
                expected: "a turn of the assistant that is learned");
        var (text, marks) = Written(example, turns, asks: false);
        var learned = marks.Count > 0 ? Marked(example, turns, marks) : Found(example, turns, text, tokenizer);
        var passages = new List<Passage>();
        int at = 0;
        foreach (var (start, end) in learned)
        {
            if (start > at)
                passages.Add(new(text[at..start], Learned: false));
            passages.Add(new(text[start..end], Learned: true));
            at = end;
        }

        if (at < text.Length)
            passages.Add(new(text[at..], Learned: false));
        return passages;
    }

    /// <summary>The token that ends a turn, if one does.</summary>
    public ImmutableArray<int> EndsOfTurn(ITextTokenizer tokenizer)
    {
        var answer = Of(new("a made-up row", "a", "", "b", null, null, "made up"), tokenizer)
            .Last(passage => passage.Learned);
        return tokenizer.EncodeMarked(answer.Text) is [.., var last] && IsSpecial(last, tokenizer) ? [last] : [];
    }

    private static IEnumerable<(int Start, int End)> Marked(
        Example example, ChatTurn[] turns, IReadOnlyList<(int Start, int End)> marks)
    {
        ChatTurn[] answers = [.. turns.Where(turn => turn.IsAnswer)];
        return answers.Length == marks.Count
            ? marks.Zip(answers).Where(pair => pair.Second.Learned).Select(pair => pair.First)
            : throw new DataException(
                "a chat template marks other answers than the conversation has", example.Id,
                found: $"{marks.Count} marks for {answers.Length} answers",
                expected: "one {% generation %} for every answer", remedy: "use another template");
    }

    private List<(int Start, int End)> Found(Example example, ChatTurn[] turns, string text, ITextTokenizer tokenizer)
    {
        var found = new List<(int, int)>();
        for (int i = 0; i < turns.Length; i++)
        {
            if (!turns[i].Learned)
                continue;
            string before = Render(example, turns[..i], asks: true),
                after = Render(example, turns[..(i + 1)], asks: false);
            if (!after.StartsWith(before, StringComparison.Ordinal)
                || !text.StartsWith(after, StringComparison.Ordinal))
                throw new DataException(
                    "a chat template does not write a conversation turn by turn, so the answers cannot be told from the rest", example.Id,
                    found: $"turn {i + 1} changes what stands before it",
                    expected: "a text that only grows, or {% generation %} around answers",
                    remedy: "use another template, or only the last answer of each conversation");
            found.Add((before.Length, End(after, before.Length, turns[i].Message.Content.Trim(), tokenizer)));
        }

        return found;
    }

    /// <summary>Where the turn ends: behind the first special token that follows what is said.</summary>
    private static int End(string text, int start, string said, ITextTokenizer tokenizer)
    {
        int at = text.IndexOf(said, start, StringComparison.Ordinal) is >= 0 and var found
            ? found + said.Length
            : start;
        foreach (int id in tokenizer.EncodeMarked(text[at..]))
            if (IsSpecial(id, tokenizer) && tokenizer.Decode([id], skipSpecialTokens: false) is var mark
                && text.IndexOf(mark, at, StringComparison.Ordinal) is >= 0 and var end)
                return end + mark.Length;
        return text.Length;
    }

    private static bool IsSpecial(int id, ITextTokenizer tokenizer) =>
        tokenizer.Decode([id]).Length == 0 && tokenizer.Decode([id], skipSpecialTokens: false).Length > 0;

    private string Render(Example example, ChatTurn[] turns, bool asks) => Written(example, turns, asks).Text;

    private (string Text, IReadOnlyList<(int Start, int End)> Marks) Written(
        Example example, ChatTurn[] turns, bool asks)
    {
        try
        {
            return template.RenderMarked([.. turns.Select(turn => turn.Message)], asks);
        }
        catch (ChatTemplateException error)
        {
            throw new DataException(
                "the chat template does not take a row", example.Id, found: error.Message,
                expected: "a conversation that the template allows",
                remedy: "mend or remove the row, or use another template", inner: error);
        }
    }

    private ChatTurn[] Turns(Example example)
    {
        string input = example.Input.Length > 0 ? $"\n\n{example.Input}" : "";
        IReadOnlyList<ChatTurn> own = example.Turns.Count > 0 ? example.Turns :
        [
            new(new(ChatMessage.User, example.Instruction + input), Learned: false),
            new(new(ChatMessage.Assistant, example.Output), Learned: true),
        ];
        return system is null || own[0].Message.Role == ChatMessage.System
            ? [.. own]
            : [new(new(ChatMessage.System, system), Learned: false), .. own];
    }
}
