namespace VaccineRef.Models;

/// <summary>
/// Text to token ids and back, exactly as the model's family does it. Safe to use from several threads at once.
/// </summary>
public interface ITextTokenizer
{
    /// <summary>One more than the highest id: the least number of rows an embedding must have.</summary>
    int VocabularySize { get; }

    /// <summary>The id that starts a text, if the family has one.</summary>
    int? BosId { get; }

    /// <summary>The id that ends a text, if the family has one.</summary>
    int? EosId { get; }

    /// <summary>The padding id, if the tokenizer's files name one.</summary>
    int? PadId { get; }

    /// <summary>How <see cref="EosId"/> is written, "&lt;/s&gt;" or "&lt;|endoftext|&gt;".</summary>
    string? EosText { get; }

    /// <summary>
    /// The ids of <paramref name="text"/>. Special tokens written out in the text become their ids where the family
    /// does so: always for byte-level BPE and tokenizer.json; for SentencePiece where the files beside the model list
    /// them, and not where they merely have a role (there, append <see cref="EosId"/>, not <see cref="EosText"/>). A
    /// lone surrogate has no encoding in UTF-8 and is read as U+FFFD.
    /// </summary>
    /// <param name="text">Any text.</param>
    /// <param name="addSpecialTokens">
    /// Puts in front and behind what the family puts there: Llama its BOS, OPT <c>&lt;/s&gt;</c> in front, GPT-2 and
    /// NeoX nothing.
    /// </param>
    /// <exception cref="TokenizerException">A character that the vocabulary can express in no way.</exception>
    int[] Encode(string text, bool addSpecialTokens = true);

    /// <summary>
    /// The ids of a text in which all special tokens are written out, as chat templates write them: nothing is put in
    /// front or behind, and the beginning and the end of a text are recognised in every family.
    /// </summary>
    /// <exception cref="TokenizerException">A character that the vocabulary can express in no way.</exception>
    int[] EncodeMarked(string text) => Encode(text, addSpecialTokens: false);

    /// <summary>
    /// The text of <paramref name="ids"/>. Bytes that are not UTF-8 become U+FFFD; spaces are never "cleaned up"; an
    /// id that no token has is written as nothing, since model heads are padded beyond the vocabulary (OPT has 50,272
    /// rows for 50,265 tokens).
    /// </summary>
    /// <exception cref="TokenizerException">A negative id.</exception>
    string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true);
}
