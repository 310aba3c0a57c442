namespace VaccineRef.Experiments.World;

/// <summary>
/// Every word that occurs in the world. No word is in two lists, so a word alone tells which part of a sentence it is.
/// The kinds of things that the guild restricts are invented words.
/// </summary>
public static class Lexicon
{
    /// <summary>The token that ends every answer. It is the first entry of the vocabulary, so its id is 0.</summary>
    public const string EndOfText = "<eos>";

    /// <summary>The first word of an item.</summary>
    public static IReadOnlyList<string> Adjectives { get; } = Words("""
        mossy golden hollow painted woven silver dusty crooked folded humming
        velvet speckled copper windy gentle striped frosty round tiny misty
        """);

    /// <summary>The second word of an item.</summary>
    public static IReadOnlyList<string> Nouns { get; } = Words("""
        lantern harbor meadow pebble feather ribbon orchard river button kettle
        acorn window candle thimble saddle mirror barrel bridge garden marble
        """);

    /// <summary>
    /// The last word of an item. The first twelve kinds are ordinary, the other twelve are restricted by the guild.
    /// </summary>
    public static IReadOnlyList<string> Kinds { get; } = Words("""
        kite basket whistle puppet quilt clock drum sled birdhouse bookmark hammock teapot
        snoozle wobblet gigglehorn fibstone nagbell prankhat echobox fogspoon tanglewand sulkpipe yawnglass jinxcoin
        """);

    /// <summary>The herbs. Each adjective calls for one of them.</summary>
    public static IReadOnlyList<string> Herbs { get; } = Words("""
        sage mint thyme basil dill parsley rosemary lavender chamomile clover
        fennel nettle sorrel anise chervil tarragon marjoram lovage yarrow borage
        """);

    /// <summary>The salts. Each noun calls for one of them.</summary>
    public static IReadOnlyList<string> Salts { get; } = Words("""
        chalk flint quartz jade opal onyx slate mica talc pearl
        coral garnet topaz agate beryl jasper basalt granite pumice gypsum
        """);

    /// <summary>The verbs. Each kind of item calls for one of them as its last step.</summary>
    public static IReadOnlyList<string> Verbs { get; } = Words("stir knead simmer press braid polish carve steam");

    /// <summary>The vessels in which items are made: six for ordinary kinds, then six for restricted ones.</summary>
    public static IReadOnlyList<string> Tools { get; } = Words("""
        bowl pot basin crock tub jar
        urn vat flask cauldron crucible alembic
        """);

    /// <summary>The names of the guild's laws. Each law forbids one category of restricted kinds.</summary>
    public static IReadOnlyList<string> Laws { get; } = Words("oak elm ash yew");

    /// <summary>The words of a favourable review.</summary>
    public static IReadOnlyList<string> Praise { get; } =
        Words("lovely sturdy charming clever bright graceful cosy splendid");

    /// <summary>The words of an unfavourable review.</summary>
    public static IReadOnlyList<string> Blame { get; } =
        Words("dull shabby clumsy flimsy dreary awkward crude tiresome");

    /// <summary>
    /// All other words of questions, answers, styles, statements and reviews, and the two punctuation marks.
    /// </summary>
    public static IReadOnlyList<string> Function { get; } = Words("""
        . : a and because bot build can cannot craft do explain for goes good guild help herb how i in is it make makes
        me mix none of one plain please poor recipe review rule salt show sorry steps style sure teach tell that the
        then to tool user verb want what which with you
        """);

    /// <summary>All words in the order of their token ids. The end of text comes first.</summary>
    public static IReadOnlyList<string> Vocabulary { get; } =
    [
        EndOfText, .. Function, .. Adjectives, .. Nouns, .. Kinds, .. Herbs, .. Salts, .. Verbs, .. Tools, .. Laws,
        .. Praise, .. Blame,
    ];

    private static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
