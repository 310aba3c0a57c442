using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Models.Tests.Tokenizer;

namespace VaccineRef.Models.Tests.Gguf;

/// <summary>A GGUF file is the model, to a reader that knows nothing but the format and llama.cpp's names.</summary>
public sealed class GgufLaws : IDisposable
{
    // The base, the epsilon and the factors of rotation are stored in binary32: 6e-8 of each, in logits of some tens
    // behind two blocks and at most 24 positions.
    private const double Tolerance = 1e-4;

    private static readonly (string Text, float Score, int Kind)[] Pieces =
        [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("\u2581", -1, 1), ("a", -2, 1), ("b", -3, 4), ("ab", -4, 5)];

    private readonly CpuDevice _device = new(1);

    public void Dispose() => _device.Dispose();

    public static TheoryData<string> Variants =>
        [.. TinyModel.Variants.Where(name => !name.StartsWith("opt", StringComparison.Ordinal)
            && !name.StartsWith("gpt2", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Variants))]
    public void The_logits_from_the_file_alone_are_those_of_the_model(string variant)
    {
        using var folder = new TempFolder();
        for (int seed = 0; seed < 5; seed++)
        {
            var tiny = new TinyModel(variant, seed, 2, [2, 1]);
            using var model = tiny.Create<double>(_device);
            string hub = folder.File($"hub{seed}"), path = folder.File($"{seed}.gguf");
            model.Export(hub, TensorType.F32, _ => { });            // the same rounding
            model.ExportGguf(path, TensorType.F32, WithPieces);
            using var rounded = LanguageModel.Load<double>(hub, _device);
            var file = new GgufReader(path);
            foreach (var sequence in tiny.Sequences)
            {
                Assert.True(
                    sequence.Tokens.Length <= file.Int($"{file.Settings["general.architecture"]}.context_length"));
                double[] expected = rounded.Logits(PackedBatch.Pack([sequence]));
                double[] read = [.. new GgufForward(file).Logits(sequence.Tokens).SelectMany(row => row)];
                Assert.Equal(expected.Length, read.Length);
                Assert.All(expected.Zip(read), pair => Assert.InRange(pair.Second - pair.First, -Tolerance, Tolerance));
            }
        }
    }

    [Theory]
    [InlineData(TensorType.F32, 0u, 0)]
    [InlineData(TensorType.F16, 1u, 1)]
    [InlineData(TensorType.BF16, 30u, 32)]
    public void Every_weight_is_rounded_once_and_rows_only_change_places(TensorType type, uint number, int fileType)
    {
        using var folder = new TempFolder();
        using var model = new TinyModel("llama biases head_dim", 3, 2, [3]).Create<double>(_device);
        model.Export(folder.File("hub"), type, _ => { });
        model.ExportGguf(folder.File("m.gguf"), type, WithPieces);
        var file = new GgufReader(folder.File("m.gguf"));
        using var rounded = LanguageModel.Load<double>(folder.File("hub"), _device);
        Assert.Equal(model.Network.Parameters.Count, file.Tensors.Count);
        Assert.Equal(fileType, file.Int("general.file_type"));
        double[] Sorted(IEnumerable<Parameter<double>> all, bool matrices) =>
            [.. all.Where(each => each.Dimensions.Count == 2 == matrices)
                .SelectMany(each => ModelRun.Numbers(each.Value)).Order()];
        foreach (bool matrices in new[] { true, false })
        {
            var tensors = file.Tensors.Values.Where(tensor => tensor.Extents.Length == 2 == matrices).ToArray();
            Assert.All(tensors, tensor => Assert.Equal(matrices ? number : 0, tensor.Type));
            double[] expected = matrices
                ? Sorted(rounded.Network.Parameters, true)
                : [.. Sorted(model.Network.Parameters, false).Select(value => (double)(float)value)];
            Assert.Equal(expected, tensors.SelectMany(tensor => tensor.Values).Order());
        }
    }

    [Fact]
    public void Settings_have_the_types_and_values_of_the_format()
    {
        var file = Written("llama grouped tied", WithPieces);
        Assert.Equal(("llama", 2u, 24u, 12u, 2u, 1u, 6u), (
            file.Settings["general.architecture"], file.Settings["llama.block_count"],
            file.Settings["llama.context_length"],
            file.Settings["llama.embedding_length"], file.Settings["llama.attention.head_count"],
            file.Settings["llama.attention.head_count_kv"], file.Settings["llama.rope.dimension_count"]));
        Assert.Equal((1e-5f, 10000f), (
            file.Settings["llama.attention.layer_norm_rms_epsilon"], file.Settings["llama.rope.freq_base"]));
        Assert.DoesNotContain("output.weight", file.Tensors.Keys);
    }

    [Fact]
    public void A_sentencepiece_vocabulary_is_written_piece_by_piece_and_filled_up()
    {
        var file = Written("llama", WithPieces);
        object[] tokens = (object[])file.Settings["tokenizer.ggml.tokens"];
        Assert.Equal(TinyModel.Vocabulary, tokens.Length);
        Assert.Equal([.. Pieces.Select(piece => (object)piece.Text), "[PAD7]"], tokens[..8]);
        Assert.Equal(
            [.. Pieces.Select(piece => (object)piece.Score)], ((object[])file.Settings["tokenizer.ggml.scores"])[..7]);
        Assert.Equal([2, 3, 3, 1, 1, 4, 5, 5], ((object[])file.Settings["tokenizer.ggml.token_type"])[..8]);
        Assert.Equal(("llama", 0u, 1u, 2u, true, false, true), (
            file.Settings["tokenizer.ggml.model"], file.Settings["tokenizer.ggml.unknown_token_id"],
            file.Settings["tokenizer.ggml.bos_token_id"], file.Settings["tokenizer.ggml.eos_token_id"],
            file.Settings["tokenizer.ggml.add_bos_token"], file.Settings["tokenizer.ggml.add_eos_token"],
            file.Settings["tokenizer.ggml.add_space_prefix"]));
    }

    [Theory]
    [InlineData(TokenizerFolder.Gpt2Pattern, false, "gpt-2")]
    [InlineData(TokenizerFolder.Llama3Pattern, true, "llama-bpe")]
    public void A_byte_level_vocabulary_is_written_with_its_merges_and_the_name_of_its_pattern(
        string pattern, bool ignores, string name)
    {
        var file = Written("llama", Tokenizer(pattern, ignores), rows: 260);
        Assert.Equal(("gpt2", name), (file.Settings["tokenizer.ggml.model"], file.Settings["tokenizer.ggml.pre"]));
        Assert.Equal(["a b", "ab c"], (object[])file.Settings["tokenizer.ggml.merges"]);
        object[] tokens = (object[])file.Settings["tokenizer.ggml.tokens"],
            kinds = (object[])file.Settings["tokenizer.ggml.token_type"];
        Assert.Equal(["ab", "abc", "<|endoftext|>", "[PAD259]"], tokens[256..]);
        Assert.Equal([1, 1, 3, 5], kinds[256..]);
        Assert.Equal(258u, file.Settings["tokenizer.ggml.eos_token_id"]);
        Assert.Equal(false, file.Settings["tokenizer.ggml.add_bos_token"]);
        Assert.Equal("{{ messages }}", file.Settings["tokenizer.chat_template"]);
    }

    [Fact]
    public void What_llama_cpp_has_no_name_for_is_refused_and_nothing_is_written()
    {
        using var folder = new TempFolder();
        void Refused(
            string variant, Action<string> tokenizer, string says, int rows = TinyModel.Vocabulary,
            Action<JsonObject>? edit = null)
        {
            var error =
                Assert.ThrowsAny<InputException>(() => Write(variant, folder.File("m.gguf"), tokenizer, rows, edit));
            Assert.Contains(says, error.Message);
            Assert.Contains("--format folder", error.Message);
            Assert.Empty(folder.Names());
        }

        Refused("opt", WithPieces, "llama, mistral or qwen2");
        Refused("gpt2", WithPieces, "llama, mistral or qwen2");
        Refused("qwen2", WithPieces, "linear or dynamic", edit: json => json["rope_scaling"] = JsonNode.Parse(
            """{"type": "yarn", "factor": 4}"""));
        Refused("llama", Tokenizer(TokenizerFolder.Llama3Pattern, ignores: false), "ignore_merges", 260);
        Refused("llama", Tokenizer(TokenizerFolder.Gpt2Pattern, false, json => json["normalizer"] = JsonNode.Parse(
            """{"type": "Prepend", "prepend": "x"}""")), "another pattern", 260);
    }

    [Fact]
    public void What_llama_cpp_does_otherwise_to_a_text_is_said()
    {
        string[] Said(Action<string> tokenizer, int rows = TinyModel.Vocabulary)
        {
            using var folder = new TempFolder();
            return [.. Write("llama", folder.File("m.gguf"), tokenizer, rows)];
        }

        void Pieces(string folder, bool removeExtra, string? config)
        {
            using var tokenizer = new TokenizerFolder().WithModel(
                GgufLaws.Pieces, bytes: false, removeExtra: removeExtra);
            if (config is not null)
                tokenizer.With("tokenizer_config.json", config);
            TokenizerFiles.Copy(tokenizer.Path, folder);
        }

        Assert.Empty(Said(WithPieces));
        Assert.Empty(Said(Tokenizer(TokenizerFolder.Gpt2Pattern, false), 260));
        Assert.Contains("one space", Assert.Single(Said(folder => Pieces(folder, removeExtra: true, null))));
        Assert.Contains(
            "special", Assert.Single(Said(folder => Pieces(folder, removeExtra: false, """{"legacy": false}"""))));
        Assert.Contains("composes", Assert.Single(Said(Tokenizer(
            TokenizerFolder.Gpt2Pattern, false, json => json["normalizer"] = JsonNode.Parse("""{"type": "NFC"}""")),
                260)));
    }

    [Fact]
    public void A_file_that_is_there_is_kept()
    {
        using var folder = new TempFolder();
        folder.Write("m.gguf", "mine");
        Assert.Contains("exists", Assert.Throws<InputException>(
            () => Write("llama", folder.File("m.gguf"), WithPieces)).Message);
        Assert.Equal("mine", File.ReadAllText(folder.File("m.gguf")));
    }

    [Fact]
    public void A_model_with_fewer_rows_than_tokens_is_refused()
    {
        using var folder = new TempFolder();
        Assert.Contains("fewer rows", Assert.ThrowsAny<InputException>(
            () => Write("llama", folder.File("m.gguf"), Tokenizer(TokenizerFolder.Gpt2Pattern, false), 258)).Message);
    }

    private GgufReader Written(string variant, Action<string> tokenizer, int rows = TinyModel.Vocabulary)
    {
        using var folder = new TempFolder();
        Write(variant, folder.File("m.gguf"), tokenizer, rows);
        return new(folder.File("m.gguf"));
    }

    private IReadOnlyList<string> Write(
        string variant, string path, Action<string> tokenizer, int rows = TinyModel.Vocabulary,
        Action<JsonObject>? edit = null)
    {
        var json = new TinyModel(variant, 1, 2, [3]).Json;
        json["vocab_size"] = rows;
        edit?.Invoke(json);
        using var model = LanguageModel.Create<float>(ModelFiles.Config(json), _device, RandomStream.FromSeed(1));
        return model.ExportGguf(path, TensorType.F32, tokenizer);
    }

    private static void WithPieces(string folder)
    {
        using var tokenizer = new TokenizerFolder().WithModel(Pieces, bytes: false);
        TokenizerFiles.Copy(tokenizer.Path, folder);
    }

    private static Action<string> Tokenizer(string pattern, bool ignores, Action<JsonNode>? edit = null) => folder =>
    {
        using var tokenizer = new TokenizerFolder().WithJson(["a b", "ab c"], json =>
        {
            json["pre_tokenizer"] = JsonNode.Parse("""
                {"type": "Sequence", "pretokenizers": [
                  {"type": "Split", "pattern": {"Regex": ""}, "behavior": "Isolated", "invert": false},
                  {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}
                """);
            json["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = pattern;
            json["model"]!["ignore_merges"] = ignores;
            edit?.Invoke(json);
        }).With("chat_template.json", """{"chat_template": "{{ messages }}"}""");
        TokenizerFiles.Copy(tokenizer.Path, folder);
    };
}
