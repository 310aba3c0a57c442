using VaccineRef.Models;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>
/// A token for each character, and one for each mark, which only a text that a chat template wrote has. If asked, ":"
/// and the character after it become one token.
/// </summary>
internal sealed class MarkTokenizer(bool merges = false) : ITextTokenizer
{
    private const int FirstMark = 0x30000;
    private static readonly string[] Marks =
    [
        "<s>", "</s>", "<|eot_id|>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>",
    ];
    private static readonly CharacterTokenizer Merging = new(merges: true), Apart = new();

    private readonly CharacterTokenizer _characters = merges ? Merging : Apart;

    public int VocabularySize => FirstMark + Marks.Length;

    public int? BosId => FirstMark;

    public int? EosId => FirstMark + 1;

    public int? PadId => null;

    public string? EosText => "</s>";

    public int[] Encode(string text, bool addSpecialTokens = true) =>
        [.. addSpecialTokens ? [FirstMark] : Array.Empty<int>(), .. _characters.Encode(text, addSpecialTokens: false)];

    public int[] EncodeMarked(string text)
    {
        var (at, mark) = Marks.Index()
            .Select(each => (At: text.IndexOf(each.Item, StringComparison.Ordinal), Mark: each.Index))
            .Where(found => found.At >= 0).OrderBy(found => found.At).FirstOrDefault((text.Length, -1));
        int[] before = _characters.Encode(text[..at], addSpecialTokens: false);
        return mark < 0 ? before : [.. before, FirstMark + mark, .. EncodeMarked(text[(at + Marks[mark].Length)..])];
    }

    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true) => string.Concat(ids.ToArray().Select(id =>
        id < FirstMark ? _characters.Decode([id]) : skipSpecialTokens ? "" : Marks[id - FirstMark]));
}
