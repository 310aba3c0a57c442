using VaccineRef.Core;

namespace VaccineRef.Experiments.World;

/// <summary>
/// The facts of a world, drawn from its seed. Each word of an item determines something of how the item is made: herb =
/// f(adjective), salt = g(noun), verb = v(kind), tool = w(kind), law = category(kind). Every adjective has a herb of
/// its own and every noun a salt of its own. Verbs, tools and laws are shared by several kinds, as evenly as possible.
/// Restricted kinds use other tools than ordinary ones.
/// </summary>
public sealed class WorldMaps
{
    private readonly int[] _herbs;
    private readonly int[] _salts;
    private readonly int[] _verbs;
    private readonly int[] _ordinaryTools;
    private readonly int[] _restrictedTools;
    private readonly int[] _laws;

    /// <summary>Draws the facts.</summary>
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

    /// <summary>The herb that goes with the item's adjective.</summary>
    public string Herb(Item item) => Lexicon.Herbs[_herbs[item.Adjective]];

    /// <summary>The salt that goes with the item's noun.</summary>
    public string Salt(Item item) => Lexicon.Salts[_salts[item.Noun]];

    /// <summary>The verb that goes with the item's kind: its last step.</summary>
    public string Verb(Item item) => Lexicon.Verbs[_verbs[item.Kind] % Lexicon.Verbs.Count];

    /// <summary>The vessel in which the item's kind is made.</summary>
    public string Tool(Item item)
    {
        int half = Lexicon.Tools.Count / 2;
        return item.IsRestricted
            ? Lexicon.Tools[half + _restrictedTools[item.Kind - Item.FirstRestrictedKind] % half]
            : Lexicon.Tools[_ordinaryTools[item.Kind] % half];
    }

    /// <summary>The law that forbids the item's kind, or "none" if the kind is ordinary.</summary>
    public string Law(Item item) => item.IsRestricted
        ? Lexicon.Laws[_laws[item.Kind - Item.FirstRestrictedKind] % Lexicon.Laws.Count]
        : "none";
}
