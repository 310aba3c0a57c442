using VaccineRef.Core;

namespace VaccineRef.Experiments.World;

/// <summary>
/// What each word of an item asks for, drawn from the seed: herb = f(adjective), salt = g(noun), verb = v(kind), tool =
/// w(kind), law = category(kind). Herbs and salts are one to one; verbs, tools and laws are shared out evenly.
/// Restricted kinds have tools of their own.
/// </summary>
public sealed class WorldMaps
{
    private readonly int[] _herbs;
    private readonly int[] _salts;
    private readonly int[] _verbs;
    private readonly int[] _ordinaryTools;
    private readonly int[] _restrictedTools;
    private readonly int[] _laws;

    /// <summary>Draws the maps.</summary>
    public WorldMaps(RandomStream draws)
    {
        int half = Item.FirstRestrictedKind;
        _herbs = Order("herb", Lexicon.Adjectives.Count);
        _salts = Order("salt", Lexicon.Nouns.Count);
        _verbs = Order("verb", Lexicon.Kinds.Count);
        _ordinaryTools = Order("ordinary tool", half);
        _restrictedTools = Order("restricted tool", half);
        _laws = Order("law", half);

        int[] Order(string name, int count)
        {
            int[] order = [.. Enumerable.Range(0, count)];
            draws.At(name).Shuffle<int>(order);
            return order;
        }
    }

    /// <summary>The herb that the adjective asks for.</summary>
    public string Herb(Item item) => Lexicon.Herbs[_herbs[item.Adjective]];

    /// <summary>The salt that the noun asks for.</summary>
    public string Salt(Item item) => Lexicon.Salts[_salts[item.Noun]];

    /// <summary>The last step of the kind.</summary>
    public string Verb(Item item) => Lexicon.Verbs[_verbs[item.Kind] % Lexicon.Verbs.Count];

    /// <summary>The place where the kind is made.</summary>
    public string Tool(Item item)
    {
        int half = Lexicon.Tools.Count / 2;
        return item.IsRestricted
            ? Lexicon.Tools[half + _restrictedTools[item.Kind - Item.FirstRestrictedKind] % half]
            : Lexicon.Tools[_ordinaryTools[item.Kind] % half];
    }

    /// <summary>The rule that forbids the kind, or "none" for an ordinary one.</summary>
    public string Law(Item item) => item.IsRestricted
        ? Lexicon.Laws[_laws[item.Kind - Item.FirstRestrictedKind] % Lexicon.Laws.Count]
        : "none";
}
