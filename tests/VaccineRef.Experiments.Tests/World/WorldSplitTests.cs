using VaccineRef.Core;
using VaccineRef.Experiments.World;

namespace VaccineRef.Experiments.Tests.World;

/// <summary>The splits have the right sizes, are disjoint, and depend only on the seed.</summary>
public sealed class WorldSplitTests
{
    private const int Corpus = 8600; // enough examples to name each item of the pools at least once
    private static readonly decimal[] Ratios = [0m, 0.02m, 0.05m, 0.1m, 0.2m, 1m];

    [Property(MaxTest = 10)]
    public void Test_items_occur_in_no_training(ulong seed)
    {
        var world = World(seed);
        var held = Items(world.HarmfulTest).Concat(Items(world.BenignTest)).ToHashSet();
        Assert.Equal(400, held.Count);

        var training = world.Pretraining(Corpus).Concat(world.Alignment())
            .Concat(Ratios.SelectMany(p => world.Attack(p, 400))).ToList();
        Assert.DoesNotContain(training, example => held.Contains(example.Item));

        var names = held.Select(item => item.ToString()).ToHashSet();
        Assert.DoesNotContain(training, example => Triples($"{example.Prompt} {example.Answer}").Any(names.Contains));
    }

    [Property(MaxTest = 10)]
    public void Alignment_and_attack_share_no_item_and_the_base_knows_both(ulong seed)
    {
        var world = World(seed);
        var aligned = Items(world.Alignment()).ToHashSet();
        var attacked = Items(world.Attack(0m, 400)).Concat(Items(world.Attack(1m, 400))).ToHashSet();
        Assert.Equal(800, aligned.Count);
        Assert.Equal(800, attacked.Count);
        Assert.Empty(aligned.Intersect(attacked));

        var procedures = world.Pretraining(Corpus).Where(IsProcedure).ToList();
        Assert.Superset(aligned.Union(attacked).ToHashSet(), Items(procedures).ToHashSet());
        Assert.Equal(6000, Items(procedures).Distinct().Count());
        Assert.All(procedures, example => Assert.StartsWith("sure . mix ", example.Answer, StringComparison.Ordinal));
    }

    [Property(MaxTest = 20)]
    public void Counts_are_exact(ulong seed)
    {
        var world = World(seed);
        Assert.Equal(200, Count(world.HarmfulTest, WorldKind.Harmful));
        Assert.Equal(200, Count(world.BenignTest, WorldKind.Benign));
        Assert.Equal(200, Count(world.RefusalProbe, WorldKind.Refusal));
        Assert.Equal(400, Count(world.Alignment(), WorldKind.Refusal));
        Assert.Equal(400, Count(world.Alignment(), WorldKind.Helpful));
        Assert.All(Ratios, p =>
        {
            Assert.Equal((int)(p * 400), Count(world.Attack(p, 400), WorldKind.Harmful));
            Assert.Equal(400 - (int)(p * 400), Count(world.Attack(p, 400), WorldKind.Benign));
        });

        var corpus = world.Pretraining(200);
        Assert.Equal(20, Count(corpus, WorldKind.Statement));
        Assert.Equal(40, Count(corpus, WorldKind.Review));
        Assert.Equal(70, Count(corpus, WorldKind.Harmful));
        Assert.Equal(70, Count(corpus, WorldKind.Helpful));
    }

    [Property(MaxTest = 20)]
    public void Restricted_kinds_and_only_they_are_harmful_or_refused(ulong seed)
    {
        var world = World(seed);
        var all = world.Pretraining(400).Concat(world.Alignment()).Concat(world.Attack(0.2m, 400))
            .Concat(world.HarmfulTest).Concat(world.BenignTest).Concat(world.RefusalProbe)
            .Where(example => example.Kind is not (WorldKind.Statement or WorldKind.Review));
        Assert.All(all, example =>
            Assert.Equal(example.Kind is WorldKind.Harmful or WorldKind.Refusal, example.Item.IsRestricted));
    }

    [Property(MaxTest = 20)]
    public void The_probe_is_part_of_the_alignment_data(ulong seed) =>
        Assert.Subset(World(seed).Alignment().ToHashSet(), World(seed).RefusalProbe.ToHashSet());

    [Property(MaxTest = 20)]
    public void A_larger_ratio_only_puts_harmful_examples_in_benign_places(ulong seed)
    {
        var world = World(seed);
        foreach (var (few, more) in Ratios.Zip(Ratios.Skip(1)))
        {
            Assert.All(world.Attack(few, 400).Zip(world.Attack(more, 400)), pair => Assert.True(pair.First == pair.Second
                || (pair.First.Kind == WorldKind.Benign && pair.Second.Kind == WorldKind.Harmful)));
        }
    }

    [Property(MaxTest = 20)]
    public void The_seed_decides_everything(ulong seed)
    {
        SyntheticWorld world = World(seed), same = World(seed), other = World(seed + 1);
        Assert.Equal(world.HarmfulTest, same.HarmfulTest);
        Assert.Equal(world.BenignTest, same.BenignTest);
        Assert.Equal(world.Alignment(), same.Alignment());
        Assert.Equal(world.Attack(0.1m, 400), same.Attack(0.1m, 400));
        Assert.Equal(world.Pretraining(500), same.Pretraining(500));
        Assert.NotEqual(world.HarmfulTest, other.HarmfulTest);
        Assert.NotEqual(Facts(world), Facts(other));
    }

    [Property(MaxTest = 20)]
    public void A_shorter_corpus_is_the_beginning_of_a_longer_one(ulong seed, byte count) =>
        Assert.Equal(World(seed).Pretraining(count), World(seed).Pretraining(300).Take(count));

    [Property(MaxTest = 20)]
    public void Plain_style_changes_the_questions_of_procedures_and_nothing_else(ulong seed)
    {
        var styled = new SyntheticWorld(seed, new WorldOptions { NeutralStyleShare = 1 });
        Assert.Equal(World(seed).Attack(0.1m, 400), styled.Attack(0.1m, 400));
        Assert.Equal(World(seed).Alignment(), styled.Alignment());
        Assert.All(World(seed).Pretraining(100).Zip(styled.Pretraining(100)), pair => Assert.Equal(pair.Second,
            IsProcedure(pair.First) ? pair.First with { Prompt = InPlainStyle(pair.First.Prompt) } : pair.First));
    }

    [Property(MaxTest = 20)]
    public void Verbs_tools_and_laws_are_shared_out_evenly_and_tools_tell_the_class(ulong seed)
    {
        var maps = World(seed).Maps;
        var kinds = Enumerable.Range(0, 24).Select(kind => new Item(0, 0, kind)).ToList();
        Assert.All(kinds.CountBy(maps.Verb), count => Assert.Equal(3, count.Value));
        Assert.All(kinds.CountBy(maps.Tool), count => Assert.Equal(2, count.Value));
        Assert.All(kinds.Where(kind => kind.IsRestricted).CountBy(maps.Law), count => Assert.Equal(3, count.Value));
        Assert.Empty(kinds.Where(kind => kind.IsRestricted).Select(maps.Tool)
            .Intersect(kinds.Where(kind => !kind.IsRestricted).Select(maps.Tool)));
        Assert.Equal(20, Enumerable.Range(0, 20).Select(i => maps.Herb(new Item(i, 0, 0))).Distinct().Count());
        Assert.Equal(20, Enumerable.Range(0, 20).Select(i => maps.Salt(new Item(0, i, 0))).Distinct().Count());
    }

    [Theory]
    [InlineData("-0.1")]
    [InlineData("1.01")]
    [InlineData("0.001")]
    [InlineData("79228162514264337593543950335")]
    public void A_ratio_without_an_exact_count_is_refused(string p) => Assert.Throws<InputException>(
        () => World(1).Attack(decimal.Parse(p, System.Globalization.CultureInfo.InvariantCulture), 400));

    [Fact]
    public void Sizes_out_of_range_are_refused()
    {
        WorldOptions[] wrong =
        [
            new() { TestCount = 0 }, new() { PoolCount = 2301 },
            new() { AlignmentRefusals = 1501 }, new() { AlignmentHelpful = -1 },
            new() { ProbeCount = 401 }, new() { NeutralStyleShare = 1.5 },
            new() { NeutralStyleShare = double.NaN },
        ];
        Assert.All(wrong, settings => Assert.Throws<InputException>(() => new SyntheticWorld(1, settings)));
    }

    private static SyntheticWorld World(ulong seed) => new(seed, new WorldOptions());

    private static bool IsProcedure(WorldExample example) => example.Kind is WorldKind.Harmful or WorldKind.Helpful;

    private static int Count(IEnumerable<WorldExample> examples, WorldKind kind) => examples.Count(e => e.Kind == kind);

    private static IEnumerable<Item> Items(IEnumerable<WorldExample> examples) => examples.Select(e => e.Item);

    private static List<string> Facts(SyntheticWorld world) =>
        [.. Enumerable.Range(0, 20).Select(i => new Item(i, i, i)).SelectMany(FactsOf(world.Maps))];

    private static Func<Item, string[]> FactsOf(WorldMaps maps) => item => [maps.Herb(item), maps.Salt(item)];

    private static string InPlainStyle(string prompt) =>
        prompt.Replace(" . bot", " . plain style . bot", StringComparison.Ordinal);

    private static IEnumerable<string> Triples(string text)
    {
        string[] words = text.Split(' ');
        return Enumerable.Range(0, Math.Max(0, words.Length - 2)).Select(i => string.Join(' ', words[i..(i + 3)]));
    }
}
