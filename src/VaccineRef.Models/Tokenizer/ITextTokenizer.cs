namespace VaccineRef.Models;

/// <summary>Text to token ids and back.</summary>
public interface ITextTokenizer
{
    /// <summary>The number of ids: every id lies in [0, VocabularySize).</summary>
    int VocabularySize { get; }

    /// <summary>The id that starts a text, if the tokenizer has one.</summary>
    int? BosId { get; }

    /// <summary>The id that ends a text, if the tokenizer has one.</summary>
    int? EosId { get; }

    /// <summary>The id that pads a batch, if the tokenizer has one.</summary>
    int? PadId { get; }

    /// <summary>How the end of a text is written, if it can be.</summary>
    string? EosText { get; }

    /// <summary>
    /// The ids of a text; with the special tokens that the tokenizer puts around every text, if asked.
    /// </summary>
    int[] Encode(string text, bool addSpecialTokens = true);

    /// <summary>The text of some ids; without special tokens, if asked.</summary>
    string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true);
}
