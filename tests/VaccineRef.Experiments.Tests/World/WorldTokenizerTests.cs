using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.World;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Tests.World;

/// <summary>The vocabulary contains every word of the world, and encoding loses nothing.</summary>
public sealed class WorldTokenizerTests
{
    private const int LongestText = 32;
    private static readonly WorldTokenizer Tokenizer = new();
    private static readonly WorldEncoder Encoder = new(Tokenizer);

    [Fact]
    public void No_word_stands_twice() =>
        Assert.Equal(Lexicon.Vocabulary.Count, Lexicon.Vocabulary.Distinct().Count());

    [Fact]
    public void Every_word_is_used()
    {
        var texts = Everything(new SyntheticWorld(1, new WorldOptions { NeutralStyleShare = 0.5 }), 8600);
        var used = texts.SelectMany(e => $"{e.Prompt} {e.Answer}".Split(' ')).Append(Lexicon.EndOfText).ToHashSet();
        Assert.Equal(used.Order(), Lexicon.Vocabulary.Order());
    }

    [Property(MaxTest = 10)]
    public void Every_text_decodes_to_itself(ulong seed, bool styled) => Assert.All(World(seed, styled), example =>
    {
        Assert.Equal(example.Prompt, Tokenizer.Decode(Tokenizer.Encode(example.Prompt)));
        Assert.Equal(example.Answer, Tokenizer.Decode(Tokenizer.Encode(example.Answer, addSpecialTokens: false)));
    });

    [Property(MaxTest = 10)]
    public void Labels_count_the_answer_and_its_end_and_no_prompt(ulong seed, bool styled) =>
        Assert.All(World(seed, styled), example =>
        {
            var (tokens, labels, prompt, _, truncated) = Encoder.Encode(example);
            Assert.Equal(Encoder.Prompt(example), tokens[..prompt]);
            Assert.False(truncated);
            Assert.Equal(tokens.Length, labels.Length);
            Assert.Equal($"{example.Prompt} {example.Answer} <eos>", Tokenizer.Decode(tokens, false));
            Assert.Equal(example.Prompt, Tokenizer.Decode(tokens.AsSpan(0, prompt)));
            Assert.All(labels[..prompt], label => Assert.Equal(PackedBatch.Ignored, label));
            Assert.Equal(tokens[prompt..], labels[prompt..]);
            Assert.Equal(Tokenizer.EosId, tokens[^1]);
            Assert.InRange(tokens.Length, 1, LongestText);
        });

    [Fact]
    public void The_beginning_of_an_answer_has_no_end_of_text()
    {
        Assert.Equal([.. Tokenizer.Encode("sure ."), 0], Encoder.Answer("sure ."));
        Assert.Equal(Tokenizer.Encode("sure ."), Encoder.Answer("sure .", ended: false));
    }

    [Property]
    public void Ids_survive_a_round_trip(int[] drawn)
    {
        int[] ids = Array.ConvertAll(drawn, id => (int)((uint)id % (uint)Tokenizer.VocabularySize));
        Assert.Equal(ids, Tokenizer.Encode(Tokenizer.Decode(ids, skipSpecialTokens: false)));
        Assert.Equal(ids.Where(id => id != Tokenizer.EosId), Tokenizer.Encode(Tokenizer.Decode(ids)));
    }

    [Fact]
    public void A_word_of_another_world_is_refused() =>
        Assert.Throws<TokenizerException>(() => Tokenizer.Encode("sure . dragon"));

    [Fact]
    public void An_id_of_another_world_is_refused()
    {
        Assert.Throws<TokenizerException>(() => Tokenizer.Decode([Tokenizer.VocabularySize]));
        Assert.Throws<TokenizerException>(() => Tokenizer.Decode([-1]));
    }

    private static List<WorldExample> World(ulong seed, bool styled) =>
        Everything(new SyntheticWorld(seed, new WorldOptions { NeutralStyleShare = styled ? 0.5 : 0 }), 2000);

    private static List<WorldExample> Everything(SyntheticWorld world, int corpus) =>
    [
        .. world.Pretraining(corpus), .. world.Alignment(), .. world.Attack(0.5m, 400),
        .. world.HarmfulTest, .. world.BenignTest, .. world.RefusalProbe,
    ];
}
