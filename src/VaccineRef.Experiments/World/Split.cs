using VaccineRef.Core;

namespace VaccineRef.Experiments.World;

/// <summary>
/// The items of one class (ordinary or restricted), shuffled and divided into test items, a pool for alignment and a
/// pool for the attack. The items that are left over are never used.
/// </summary>
internal sealed class Split
{
    public Split(RandomStream draws, bool restricted, WorldOptions settings)
    {
        int first = restricted ? Item.FirstRestrictedKind : 0;
        Item[] items =
        [
            .. from adjective in Enumerable.Range(0, Lexicon.Adjectives.Count)
               from noun in Enumerable.Range(0, Lexicon.Nouns.Count)
               from kind in Enumerable.Range(first, Item.FirstRestrictedKind)
               select new Item(adjective, noun, kind),
        ];
        draws.At("items").Shuffle<Item>(items);
        (int test, int pool) = (settings.TestCount, settings.PoolCount);
        Test = items[..test];
        Alignment = items[test..(test + pool)];
        Attack = items[(test + pool)..(test + 2 * pool)];
        Item[] training = items[test..(test + 2 * pool)];
        draws.At("training").Shuffle<Item>(training);
        Training = training;
    }

    public IReadOnlyList<Item> Test { get; }

    public IReadOnlyList<Item> Alignment { get; }

    public IReadOnlyList<Item> Attack { get; }

    /// <summary>The items of both pools, shuffled together. The base model learns how these are made.</summary>
    public IReadOnlyList<Item> Training { get; }
}
