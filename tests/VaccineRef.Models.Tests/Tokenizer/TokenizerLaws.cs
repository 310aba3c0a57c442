using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace VaccineRef.Models.Tests.Tokenizer;

/// <summary>
/// What holds of every text: nothing is lost, and the fast merging equals the definition read word for word.
/// </summary>
public sealed class TokenizerLaws : IDisposable
{
    private static readonly string[] MergeList =
    [
        "Ġ t", "h e", "Ġt he", "i n", "1 1", "11 11", "Ġ Ġ", "ĠĠ ĠĠ", "Ċ Ċ", "' s", "a a", "aa a", "Ã ©", "ð Ł", "s Ġ",
        "! Ġ", "a 1",
    ];

    private static readonly string[] Bits =
    [
        "a", "aaa", "the", " the", " ", "  ", "\n", "\r\n", "\t", "'s", "'S", "'ll", "1", "11", "é", "e\u0301",
        "\u00A0", "\u3000", "!", "...", "中", "😁", "𝒳", "𝟜", "\0", "\uD800", "\uDC00", "<|endoftext|>", "Ж", "½",
        "\u0085", "\uFEFF",
    ];

    private readonly TokenizerFolder _gpt2 = new TokenizerFolder().WithJson(MergeList);
    private readonly TokenizerFolder _llama3 = new TokenizerFolder().WithJson(
        MergeList, json => json["pre_tokenizer"] = Split(TokenizerFolder.Llama3Pattern));
    private readonly ITextTokenizer _plain;
    private readonly ITextTokenizer _digits;

    public TokenizerLaws() => (_plain, _digits) = (_gpt2.Load(), _llama3.Load());

    /// <summary>Texts of what tokenizers trip over, and of anything else.</summary>
    private static Arbitrary<string> Texts => Gen.OneOf(
            Gen.Elements(Bits).ListOf().Select(bits => string.Concat(bits)),
            ArbMap.Default.GeneratorFor<string>().Where(text => text is not null))
        .ToArbitrary();

    public void Dispose()
    {
        _gpt2.Dispose();
        _llama3.Dispose();
    }

    [Property(MaxTest = 500)]
    public Property Bytes_keep_every_text() => Prop.ForAll(Texts, text =>
    {
        foreach (var tokenizer in new[] { _plain, _digits })
            Assert.Equal(WellFormed(text), tokenizer.Decode(tokenizer.Encode(text), skipSpecialTokens: false));
    });

    [Property]
    public Property Encoding_is_a_function_of_the_text() => Prop.ForAll(Texts, text =>
    {
        Assert.Equal(_plain.Encode(text), _plain.Encode(text));
        Assert.Equal(_gpt2.Load().Encode(text), _plain.Encode(text));
    });

    [Property(MaxTest = 500)]
    public Property Merging_is_what_its_definition_says() => Prop.ForAll(Texts, text =>
    {
        text = new string([.. text.Where(c => !char.IsSurrogate(c) && c is not ('<' or '\u017F'))]);
        Assert.Equal(Defined(text, TokenizerFolder.Gpt2Pattern), _plain.Encode(text));
        Assert.Equal(Defined(text, TokenizerFolder.Llama3Pattern), _digits.Encode(text));
    });

    [Property]
    public Property A_special_token_separates_what_stands_around_it() => Prop.ForAll(Texts, Texts, (left, right) =>
    {
        left = left.Replace("<", "", StringComparison.Ordinal);
        int[] ids = [.. _plain.Encode(WellFormed(left)), _plain.EosId!.Value, .. _plain.Encode(WellFormed(right))];
        Assert.Equal(ids, _plain.Encode(WellFormed(left) + _plain.EosText + WellFormed(right)));
    });

    [Property(MaxTest = 300)]
    public Property SentencePiece_joins_the_best_pair_first_and_the_leftmost_of_equals()
    {
        var piece = Gen.Elements("a", "b", "▁").NonEmptyListOf().Select(letters => string.Concat(letters.Take(5)));
        var vocabulary = Gen.Zip(piece, Gen.Choose(-3, 0)).ListOf()
            .Select(
                pieces => pieces.Append(("▁", -4)).DistinctBy(p => p.Item1).ToDictionary(p => p.Item1, p => p.Item2));
        var text = Gen.Elements("a", "b", " ", "c").ListOf().Select(letters => string.Concat(letters));
        return Prop.ForAll(Gen.Zip(vocabulary, text).ToArbitrary(), (Action<(Dictionary<string, int>, string)>)(drawn =>
        {
            var (scores, input) = drawn;
            using var folder = new TokenizerFolder();
            string[] pieces = ["<unk>", .. scores.Keys];
            folder.WithModel(
                pieces.Select((p, id) => (p, (float)scores.GetValueOrDefault(p), id == 0 ? 2 : 1)), bytes: true);
            var symbols = Joined((input.Length > 0 ? "▁" : "") + input.Replace(' ', '▁'), scores);
            var expected = symbols.SelectMany(symbol => Array.IndexOf(pieces, symbol) is >= 0 and var id
                ? [id]
                : Encoding.UTF8.GetBytes(symbol).Select(b => pieces.Length + b));
            var tokenizer = folder.Load();
            Assert.Equal(expected, tokenizer.Encode(input));
            Assert.Equal(input, tokenizer.Decode(tokenizer.Encode(input)));
        }));
    }

    private static JsonObject Split(string pattern) => new()
    {
        ["type"] = "Sequence",
        ["pretokenizers"] = new JsonArray(
            new JsonObject
            {
                ["type"] = "Split",
                ["pattern"] = new JsonObject { ["Regex"] = pattern },
                ["behavior"] = "Isolated",
                ["invert"] = false,
            },
            new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = false }),
    };

    private static string WellFormed(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>
    /// The definition: .NET's Regex (exact below U+10000), then the first merge that applies, everywhere, until none
    /// does.
    /// </summary>
    private static List<int> Defined(string text, string pattern)
    {
        var ids = TokenizerFolder.ByteLevelVocabulary(MergeList);
        string[] alphabet = [.. ids.Keys.Take(256)];
        var result = new List<int>();
        foreach (Match word in Regex.Matches(text, pattern, RegexOptions.CultureInvariant))
        {
            List<string> symbols = [.. Encoding.UTF8.GetBytes(word.Value).Select(b => alphabet[b])];
            while (MergeList.FirstOrDefault(merge => Find(symbols, merge) >= 0) is { } merge)
            {
                int at = Find(symbols, merge);
                symbols[at] += symbols[at + 1];
                symbols.RemoveAt(at + 1);
            }
            result.AddRange(symbols.Select(symbol => ids[symbol]));
        }
        return result;
    }

    private static int Find(List<string> symbols, string merge) =>
        Enumerable.Range(0, Math.Max(symbols.Count - 1, 0)).Where(i => symbols[i] + " " + symbols[i + 1] == merge)
            .Append(-1).First();

    private static List<string> Joined(string text, Dictionary<string, int> scores)
    {
        List<string> symbols = [.. text.Select(c => c.ToString())];
        while (true)
        {
            int[] joinable = [.. Enumerable.Range(0, Math.Max(symbols.Count - 1, 0))
                .Where(i => scores.ContainsKey(symbols[i] + symbols[i + 1]))];
            if (joinable.Length == 0)
                return symbols;
            int best = joinable.MaxBy(i => scores[symbols[i] + symbols[i + 1]]);        // the first of equals
            symbols[best] += symbols[best + 1];
            symbols.RemoveAt(best + 1);
        }
    }
}
