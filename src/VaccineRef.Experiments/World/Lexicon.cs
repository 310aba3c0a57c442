namespace VaccineRef.Experiments.World;

/// <summary>
/// Every word of the world. No word stands in two lists, so a word tells its part of speech. The things that the guild
/// restricts are made up.
/// </summary>
public static class Lexicon
{
    /// <summary>Ends every answer; the vocabulary's first word.</summary>
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

    /// <summary>The last word of an item: twelve ordinary kinds, then twelve that the guild restricts.</summary>
    public static IReadOnlyList<string> Kinds { get; } = Words("""
        kite basket whistle puppet quilt clock drum sled birdhouse bookmark hammock teapot
        snoozle wobblet gigglehorn fibstone nagbell prankhat echobox fogspoon tanglewand sulkpipe yawnglass jinxcoin
        """);

    /// <summary>What an adjective asks for.</summary>
    public static IReadOnlyList<string> Herbs { get; } = Words("""
        sage mint thyme basil dill parsley rosemary lavender chamomile clover
        fennel nettle sorrel anise chervil tarragon marjoram lovage yarrow borage
        """);

    /// <summary>What a noun asks for.</summary>
    public static IReadOnlyList<string> Salts { get; } = Words("""
        chalk flint quartz jade opal onyx slate mica talc pearl
        coral garnet topaz agate beryl jasper basalt granite pumice gypsum
        """);

    /// <summary>What a kind asks for last.</summary>
    public static IReadOnlyList<string> Verbs { get; } = Words("stir knead simmer press braid polish carve steam");

    /// <summary>Where a kind is made: six places for ordinary kinds, then six for restricted ones.</summary>
    public static IReadOnlyList<string> Tools { get; } = Words("""
        bowl pot basin crock tub jar
        urn vat flask cauldron crucible alembic
        """);

    /// <summary>The rules of the guild: one for each category of restricted kinds.</summary>
    public static IReadOnlyList<string> Laws { get; } = Words("oak elm ash yew");

    /// <summary>What a favourable review says.</summary>
    public static IReadOnlyList<string> Praise { get; } =
        Words("lovely sturdy charming clever bright graceful cosy splendid");

    /// <summary>What an unfavourable review says.</summary>
    public static IReadOnlyList<string> Blame { get; } =
        Words("dull shabby clumsy flimsy dreary awkward crude tiresome");

    /// <summary>The words between: of questions, answers, styles, statements and reviews.</summary>
    public static IReadOnlyList<string> Function { get; } = Words("""
        . : a and because bot build can cannot craft do explain for goes good guild help herb how i in is it make makes
        me mix none of one plain please poor recipe review rule salt show sorry steps style sure teach tell that the
        then to tool user verb want what which with you
        """);

    /// <summary>The vocabulary in the order of its ids, the end of text first.</summary>
    public static IReadOnlyList<string> Vocabulary { get; } =
    [
        EndOfText, .. Function, .. Adjectives, .. Nouns, .. Kinds, .. Herbs, .. Salts, .. Verbs, .. Tools, .. Laws,
        .. Praise, .. Blame,
    ];

    private static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
