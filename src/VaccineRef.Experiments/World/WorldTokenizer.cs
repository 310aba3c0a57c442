using System.Collections.Frozen;
using VaccineRef.Models;

namespace VaccineRef.Experiments.World;

/// <summary>
/// One token per word of <see cref="Lexicon"/>, the same for every seed. There is no unknown token: a word that the
/// world lacks is an error.
/// </summary>
public sealed class WorldTokenizer : ITextTokenizer
{
    private readonly FrozenDictionary<string, int> _ids =
        Lexicon.Vocabulary.Select(KeyValuePair.Create).ToFrozenDictionary();

    /// <inheritdoc/>
    public int VocabularySize => Lexicon.Vocabulary.Count;

    /// <summary>None: every prompt begins with the same word.</summary>
    public int? BosId => null;

    /// <inheritdoc/>
    public int? EosId => 0;

    /// <summary>None: batches are packed.</summary>
    public int? PadId => null;

    /// <inheritdoc/>
    public string? EosText => Lexicon.EndOfText;

    /// <summary>
    /// The ids of the words between spaces. No token is put around a text, so the flag changes nothing.
    /// </summary>
    /// <exception cref="TokenizerException">A word is not in the vocabulary.</exception>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return Array.ConvertAll(words, word => _ids.TryGetValue(word, out int id) ? id : throw new TokenizerException(
            "a word is not in the vocabulary of the synthetic world", "text to encode", $"'{word}'",
            $"one of {VocabularySize} words, with spaces between them"));
    }

    /// <summary>The words, with single spaces between them.</summary>
    /// <exception cref="TokenizerException">An id is outside the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        var words = new List<string>(ids.Length);
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)VocabularySize)
            {
                throw new TokenizerException(
                    "a token id is not in the vocabulary of the synthetic world", "ids to decode",
                    $"{id}", $"0 to {VocabularySize - 1}");
            }

            if (id != EosId || !skipSpecialTokens)
                words.Add(Lexicon.Vocabulary[id]);
        }

        return string.Join(' ', words);
    }
}
