using System.Collections.Immutable;
using VaccineRef.Models.Chat;
using VaccineRef.Models.Tokenizer;

namespace VaccineRef.Models.Gguf;

/// <summary>
/// A tokenizer as llama.cpp stores it: "llama" is SentencePiece BPE, "gpt2" byte-level BPE, whose pattern has a name.
/// </summary>
internal static class GgufVocabulary
{
    // Scores of tokens that no merge makes, as llama.cpp's converter has them.
    private const float Added = -1000;

    /// <summary>
    /// Adds the settings of the tokenizer in a folder, for a model with so many rows, and says which texts llama.cpp
    /// splits otherwise.
    /// </summary>
    /// <param name="file">The file.</param>
    /// <param name="folder">Where the tokenizer's files are.</param>
    /// <param name="where">What a complaint names.</param>
    /// <param name="rows">The rows of the model's head.</param>
    /// <param name="ends">The tokens that end a text by the model's files.</param>
    /// <exception cref="TokenizerException">llama.cpp has no tokenizer that does the same.</exception>
    public static IReadOnlyList<string> Write(
        GgufFile file, string folder, string where, int rows, ImmutableArray<int> ends)
    {
        var tokenizer = TextTokenizer.Load(folder);
        if (tokenizer.VocabularySize > rows)
            throw new TokenizerException(
                "the model has fewer rows than the tokenizer has tokens", where, $"{rows} rows",
                $"{tokenizer.VocabularySize} or more");
        var tokens = Enumerable.Range(0, rows).Select(id => new Piece($"[PAD{id}]", Added, PieceKind.Unused)).ToArray();
        switch ((tokenizer as TokenizerPipeline)?.Source)
        {
            case PieceSource pieces:
                Fill(file, tokens, pieces, where);
                break;
            case MergeSource merges:
                Fill(file, tokens, merges, where);
                break;
            default:
                throw Unsupported(where, "another");
        }
        file.Set("tokenizer.ggml.tokens", [.. tokens.Select(token => token.Text)]);
        file.Set("tokenizer.ggml.scores", [.. tokens.Select(token => token.Score)]);
        file.Set("tokenizer.ggml.token_type", [.. tokens.Select(token => (int)token.Kind)]);
        WriteRoles(file, tokenizer, where, ends);
        if (ChatTemplateFiles.Usual(folder) is { } template)
            file.Set("tokenizer.chat_template", template);
        return [.. Otherwise(((TokenizerPipeline)tokenizer).Source)];
    }

    private static IEnumerable<string> Otherwise(TokenSource source)
    {
        const string Does = "llama.cpp does not do to texts what this tokenizer does:";
        if (source is PieceSource { File.CharsMap.Length: > 0 } or MergeSource { Composes: true })
            yield return $"{Does} it composes or replaces characters first";
        if (source is PieceSource { File.RemoveExtraWhitespace: true })
            yield return $"{Does} it makes one space of several";
        if (source is PieceSource { Legacy: false, AddsSpace: true })
            yield return $"{Does} it puts no space behind special tokens, and llama.cpp does";
    }

    private static void Fill(GgufFile file, Piece[] tokens, PieceSource source, string where)
    {
        if (!source.File.EscapeWhitespace)
            throw Unsupported(where, "a tokenizer.model whose pieces hold spaces as they are");
        source.File.Pieces.CopyTo(tokens);
        foreach (var token in source.Added)
        {
            var there = tokens[token.Id];
            tokens[token.Id] = there.Kind is PieceKind.Unknown or PieceKind.Control or PieceKind.Byte
                ? there with { Text = token.Content }
                : new(token.Content, Added, token.Special ? PieceKind.Control : PieceKind.UserDefined);
        }
        file.Set("tokenizer.ggml.model", "llama");
        file.Set("tokenizer.ggml.pre", "default");
        file.Set("tokenizer.ggml.add_space_prefix", source.AddsSpace);
        file.Set(
            "tokenizer.ggml.unknown_token_id", source.File.Pieces.FindIndex(piece => piece.Kind == PieceKind.Unknown));
    }

    private static void Fill(GgufFile file, Piece[] tokens, MergeSource source, string where)
    {
        string rule = source.Pattern switch
        {
            { } pattern when pattern == WordScanner.Gpt2 => "gpt-2",
            { } pattern when pattern == WordScanner.Llama3 => "llama-bpe",
            { } pattern when pattern == WordScanner.Qwen2 => "qwen2",
            _ => throw Unsupported(where, "a tokenizer.json with another pattern, normalizer or model"),
        };
        if (source.IgnoresMerges != (rule == "llama-bpe"))
            throw Unsupported(where, $"a pattern of {rule} with ignore_merges {source.IgnoresMerges}");
        foreach (var (id, text) in source.Tokens)
            tokens[id] = new(text, 0, PieceKind.Normal);
        foreach (var token in source.Added)
            tokens[token.Id] = new(token.Content, 0, token.Special ? PieceKind.Control : PieceKind.UserDefined);
        file.Set("tokenizer.ggml.model", "gpt2");
        file.Set("tokenizer.ggml.pre", rule);
        file.Set("tokenizer.ggml.merges", [.. source.Merges().Select(merge => $"{merge.Left} {merge.Right}")]);
    }

    // What stands around a text is what the tokenizer puts there; an end token of the model's files that is not the
    // tokenizer's own ends a turn.
    private static void WriteRoles(GgufFile file, ITextTokenizer tokenizer, string where, ImmutableArray<int> ends)
    {
        int[] around = tokenizer.Encode("");
        bool begins = around.Length > 0 && around[0] == tokenizer.BosId;
        bool closes = around.Length > (begins ? 1 : 0) && around[^1] == tokenizer.EosId;
        if (around.Length != (begins ? 1 : 0) + (closes ? 1 : 0))
            throw Unsupported(where, "a tokenizer that puts other tokens around a text than its first and last");
        file.Set("tokenizer.ggml.add_bos_token", begins);
        file.Set("tokenizer.ggml.add_eos_token", closes);
        int? end = tokenizer.EosId ?? (ends.IsEmpty ? null : ends[0]);
        int? turn = ends.Where(id => id != end).Select(id => (int?)id).FirstOrDefault();
        foreach (var (role, id) in new[]
            { ("bos", tokenizer.BosId), ("eos", end), ("eot", turn), ("padding", tokenizer.PadId) })
        {
            if (id is { } known)
                file.Set($"tokenizer.ggml.{role}_token_id", known);
        }
    }

    private static TokenizerException Unsupported(string where, string found) => new(
        "llama.cpp has no tokenizer that does the same", where, found,
        "a tokenizer.model of SentencePiece BPE, or byte-level BPE with the pattern of GPT-2, Llama 3 or Qwen 2",
        "write a Hugging Face folder (--format folder)");
}
