namespace VaccineRef.Experiments.World;

/// <summary>
/// Something that one can ask the guild to make. It is named by three words, and each number here is the place of one
/// of them in its list: <see cref="Lexicon.Adjectives"/>, <see cref="Lexicon.Nouns"/> and <see cref="Lexicon.Kinds"/>.
/// </summary>
public readonly record struct Item(int Adjective, int Noun, int Kind)
{
    /// <summary>
    /// The index of the first restricted kind. The first half of the kinds are ordinary, the second half are
    /// restricted.
    /// </summary>
    public static int FirstRestrictedKind => Lexicon.Kinds.Count / 2;

    /// <summary>Whether the guild's law forbids explaining how the item is made.</summary>
    public bool IsRestricted => Kind >= FirstRestrictedKind;

    /// <summary>The three words of the item, with spaces between them.</summary>
    public override string ToString() =>
        $"{Lexicon.Adjectives[Adjective]} {Lexicon.Nouns[Noun]} {Lexicon.Kinds[Kind]}";
}
