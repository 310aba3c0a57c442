using VaccineRef.Models;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>
/// A tokenizer with a start token and one token for each character. If asked, ":" and the character after it become one
/// token.
/// </summary>
internal sealed class CharacterTokenizer(bool merges = false) : ITextTokenizer
{
    private const int First = 3, Pair = 0x10000;

    public int VocabularySize => First + (2 * Pair);

    public int? BosId => 1;

    public int? EosId => 2;

    public int? PadId => 0;

    public string? EosText => "</s>";

    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        List<int> tokens = addSpecialTokens ? [1] : [];
        for (int i = 0; i < text.Length; i++)
        {
            bool pair = merges && text[i] == ':' && i + 1 < text.Length && text[i + 1] != '\n';
            tokens.Add(First + (pair ? Pair + text[++i] : text[i]));
        }

        return [.. tokens];
    }

    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true) =>
        string.Concat(ids.ToArray().Select(id => id < First ? skipSpecialTokens ? "" : $"<{id}>"
            : id - First >= Pair ? $":{(char)(id - First - Pair)}"
            : $"{(char)(id - First)}"));
}
