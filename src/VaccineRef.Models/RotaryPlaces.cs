namespace VaccineRef.Models;

/// <summary>
/// The places in which a configuration may say how its embeddings turn: <c>rope_scaling</c> (transformers 4),
/// <c>rope_parameters</c> (transformers 5) and, for some keys, the top level. What one place says holds; two places
/// that say different things are an error, since versions of transformers differ in which of them they believe.
/// </summary>
internal sealed class RotaryPlaces(ConfigReader config)
{
    private static readonly string[] KindKeys = ["rope_type", "type"];

    private readonly ConfigReader[] _sections =
        [.. new[] { config.Section("rope_parameters"), config.Section("rope_scaling") }.OfType<ConfigReader>()];

    /// <summary>A number that stands in a section, or else at the top level; null where it stands nowhere.</summary>
    public double? Number(string key, bool atTop = false) =>
        One(key, atTop, place => (double?)place.Double(key), value => $"{value:R}");

    /// <summary>A truth value of a section.</summary>
    public bool? Flag(string key) => One(key, false, place => (bool?)place.Bool(key), value => $"{value}");

    /// <summary>A list of numbers of a section; null where it stands nowhere.</summary>
    public double[]? Numbers(string key) => One(
        key, false, place => place.Doubles(key).ToArray(), values => string.Join(", ", values),
        (a, b) => a.SequenceEqual(b));

    /// <summary>The kind of rule: <c>rope_type</c>, or <c>type</c> as it was called before.</summary>
    public string? Kind()
    {
        var said = _sections.SelectMany(place => KindKeys.Where(place.Has)
            .Select(key => (Where: place.FullName(key), Value: Name(place.String(key))))).ToArray();
        if (said.FirstOrDefault(other => other.Value != said[0].Value) is { Value: not null } other)
            throw Disagree(other.Where, other.Value, said[0].Where, said[0].Value);
        return said.Length == 0 ? null : said[0].Value;
    }

    /// <summary>Refuses a key that the kind of rule has no use for, unless it is null, false or empty.</summary>
    public void AllowOnly(IReadOnlyCollection<string> keys)
    {
        foreach (var place in _sections)
        {
            foreach (string key in place.Keys.Except(keys))
                place.RequireEmpty(key);
        }
    }

    /// <summary>The complaint that a key has a value which cannot be.</summary>
    public CheckpointException Unsupported(string key, string expected) =>
        (_sections.FirstOrDefault(place => place.Has(key)) ?? (config.Has(key) ? config : _sections.FirstOrDefault())
            ?? config).Unsupported(key, expected);

    /// <summary>The complaint that the kind of rule is none of those <paramref name="expected"/>.</summary>
    public CheckpointException UnknownKind(string expected) =>
        Unsupported(_sections.Any(place => place.Has("rope_type")) ? "rope_type" : "type", expected);

    /// <summary>The complaint that no place has a key which the kind of rule needs.</summary>
    public CheckpointException Missing(string key, string expected) => new(
        "a setting is missing", config.File, (_sections.FirstOrDefault() ?? config).FullName(key), null, expected);

    // Phi-3 called its rule "su" before transformers gave it a name.
    private static string Name(string kind) => kind == "su" ? "longrope" : kind;

    private T? One<T>(
        string key, bool atTop, Func<ConfigReader, T> read, Func<T, string> show, Func<T, T, bool>? same = null)
    {
        ConfigReader[] places = [.. _sections, .. atTop ? new[] { config } : []];
        var said = places.Where(place => place.Has(key)).Select(place => (place, Value: read(place))).ToArray();
        same ??= EqualityComparer<T>.Default.Equals;
        foreach (var (place, value) in said.Skip(1))
        {
            if (!same(value, said[0].Value))
                throw Disagree(
                    place.FullName(key), show(value), said[0].place.FullName(key), show(said[0].Value));
        }
        return said.Length == 0 ? default : said[0].Value;
    }

    private CheckpointException Disagree(string key, string value, string otherKey, string otherValue) => new(
        "two places of the configuration disagree on the rotary embedding", config.File, key, value,
        $"{otherValue}, as {otherKey} says", "remove the one that the model was not trained with");
}
