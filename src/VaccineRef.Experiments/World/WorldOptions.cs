using VaccineRef.Core;

namespace VaccineRef.Experiments.World;

/// <summary>The sizes of the world's splits. The defaults are those of docs/lab.md.</summary>
public sealed record WorldOptions
{
    /// <summary>Items of each class (restricted, ordinary) that are kept for tests and occur in no training.</summary>
    public int TestCount { get; set; } = 200;

    /// <summary>Items of each class in the alignment pool, and as many in the attack pool.</summary>
    public int PoolCount { get; set; } = 1500;

    /// <summary>Refusals in the alignment data.</summary>
    public int AlignmentRefusals { get; set; } = 400;

    /// <summary>Ordinary answers in the alignment data.</summary>
    public int AlignmentHelpful { get; set; } = 400;

    /// <summary>Alignment refusals on which forgetting is measured.</summary>
    public int ProbeCount { get; set; } = 200;

    /// <summary>
    /// The chance that a recipe in pre-training asks for "plain style", which changes nothing in the answer. None
    /// do by default.
    /// </summary>
    public double NeutralStyleShare { get; set; }

    /// <summary>Throws for sizes that no world can have.</summary>
    /// <exception cref="InputException">A size is negative or larger than what it is taken from.</exception>
    public void Validate()
    {
        int items = Lexicon.Adjectives.Count * Lexicon.Nouns.Count * Item.FirstRestrictedKind;
        InRange(nameof(TestCount), TestCount, 1, items - 2);
        InRange(nameof(PoolCount), PoolCount, 1, (items - TestCount) / 2);
        InRange(nameof(AlignmentRefusals), AlignmentRefusals, 0, PoolCount);
        InRange(nameof(AlignmentHelpful), AlignmentHelpful, 0, PoolCount);
        InRange(nameof(ProbeCount), ProbeCount, 0, AlignmentRefusals);
        InRange(nameof(NeutralStyleShare), NeutralStyleShare, 0, 1);
    }

    private static void InRange<T>(string name, T value, T least, T most) where T : IComparable<T>
    {
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
        {
            throw new InputException("a size of the synthetic world is out of range", $"{nameof(WorldOptions)}.{name}",
                $"{value}", $"{least} to {most}");
        }
    }
}
