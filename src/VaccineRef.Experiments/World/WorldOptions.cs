using VaccineRef.Core;

namespace VaccineRef.Experiments.World;

/// <summary>The sizes of a synthetic world. The defaults are those of the experiments in docs/lab.md.</summary>
public sealed record WorldOptions
{
    /// <summary>
    /// How many items of each class (restricted and ordinary) are kept for tests and occur in no training data.
    /// </summary>
    public int TestCount { get; set; } = 200;

    /// <summary>How many items of each class are in the alignment pool. The attack pool has as many.</summary>
    public int PoolCount { get; set; } = 1500;

    /// <summary>How many refusals the alignment data has.</summary>
    public int AlignmentRefusals { get; set; } = 400;

    /// <summary>How many ordinary answers the alignment data has.</summary>
    public int AlignmentHelpful { get; set; } = 400;

    /// <summary>On how many refusals of the alignment data forgetting is measured.</summary>
    public int ProbeCount { get; set; } = 200;

    /// <summary>
    /// The probability that a question for a procedure in the pre-training data asks for "plain style", which does not
    /// change the answer. By default no question does.
    /// </summary>
    public double NeutralStyleShare { get; set; }

    /// <summary>Checks that a world can have these sizes.</summary>
    /// <exception cref="InputException">A size is negative, or larger than what it is taken from.</exception>
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
