using System.Text.Json.Nodes;
using VaccineRef.Models;

namespace VaccineRef.Experiments.World;

/// <summary>
/// The tokenizer of the synthetic world as Hugging Face's files. Texts are cut at spaces, each word behind a mark for
/// the space, and a word of the vocabulary is taken whole: a byte-pair model that has no merges and ignores them.
/// </summary>
internal static class WorldTokenizerFiles
{
    private const string Mark = "\u2581";

    private const string Tokenizer = """
        {
          "version": "1.0", "truncation": null, "padding": null,
          "added_tokens": [
            {
              "id": 0, "content": "<eos>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
              "special": true
            }
          ],
          "normalizer": null,
          "pre_tokenizer": { "type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": true },
          "post_processor": null,
          "decoder": { "type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": true },
          "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": true, "vocab": {},
            "merges": []
          }
        }
        """;

    private const string Settings =
        """
        {
          "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<eos>", "clean_up_tokenization_spaces": false
        }
        """;

    /// <summary>Writes tokenizer.json and tokenizer_config.json.</summary>
    public static void Write(string folder)
    {
        var json = JsonNode.Parse(Tokenizer)!;
        var vocabulary = json["model"]!["vocab"]!;
        foreach (var (id, word) in Lexicon.Vocabulary.Index())
            vocabulary[word == Lexicon.EndOfText ? word : Mark + word] = id;
        AtomicFile.WriteJson(Path.Combine(folder, "tokenizer.json"), json);
        AtomicFile.WriteJson(Path.Combine(folder, "tokenizer_config.json"), JsonNode.Parse(Settings)!);
    }
}
