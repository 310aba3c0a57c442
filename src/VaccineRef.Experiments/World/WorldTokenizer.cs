using System.Collections.Frozen;
using VaccineRef.Models;

namespace VaccineRef.Experiments.World;

/// <summary>
/// A tokenizer with one token for each word of <see cref="Lexicon"/>. The token ids are the same for every seed. There
/// is no unknown token: a word that the world does not have is an error.
/// </summary>
public sealed class WorldTokenizer : ITextTokenizer
{
    private readonly FrozenDictionary<string, int> _ids =
        Lexicon.Vocabulary.Select(KeyValuePair.Create).ToFrozenDictionary();

    /// <inheritdoc/>
    public int VocabularySize => Lexicon.Vocabulary.Count;

    /// <summary>Null: there is no begin-of-text token, since every prompt begins with the same word.</summary>
    public int? BosId => null;

    /// <inheritdoc/>
    public int? EosId => 0;

    /// <summary>Null: batches are packed, so no padding is needed.</summary>
    public int? PadId => null;

    /// <inheritdoc/>
    public string? EosText => Lexicon.EndOfText;

    /// <summary>
    /// The ids of the words, which must be separated by spaces. This tokenizer adds no special tokens, so
    /// <paramref name="addSpecialTokens"/> has no effect.
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
