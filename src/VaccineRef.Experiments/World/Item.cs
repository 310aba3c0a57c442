namespace VaccineRef.Experiments.World;

/// <summary>A thing one can ask the guild to make: an index into each of the three lists that name it.</summary>
public readonly record struct Item(int Adjective, int Noun, int Kind)
{
    /// <summary>The first restricted kind: half of the kinds are ordinary.</summary>
    public static int FirstRestrictedKind => Lexicon.Kinds.Count / 2;

    /// <summary>Whether the guild's law forbids to explain it.</summary>
    public bool IsRestricted => Kind >= FirstRestrictedKind;

    /// <summary>The item in words.</summary>
    public override string ToString() =>
        $"{Lexicon.Adjectives[Adjective]} {Lexicon.Nouns[Noun]} {Lexicon.Kinds[Kind]}";
}
