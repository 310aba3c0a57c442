namespace VaccineRef.Models.Chat.Jinja;

/// <summary>The methods of texts, lists and dictionaries, as Python has them.</summary>
internal static class JinjaMethods
{
    private static readonly string[] OfText =
    [
        "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith", "upper", "lower",
        "title", "capitalize", "replace", "join", "find", "count", "removeprefix", "removesuffix", "isdigit", "isalpha",
        "isspace",
    ];

    public static bool Has(object? owner, string name) => owner switch
    {
        string => OfText.Contains(name),
        IReadOnlyList<object?> => name is "count" or "index",
        OrderedDictionary<string, object?> => name is "items" or "keys" or "values" or "get",
        _ => false,
    };

    /// <summary>A member of a value: a key of a dictionary, an item of a list, or undefined.</summary>
    public static object? Member(object? owner, object? key) => owner switch
    {
        Undefined undefined => throw undefined.Error,
        OrderedDictionary<string, object?> dictionary when key is string name
            && dictionary.TryGetValue(name, out object? found) => found,
        Namespace space when key is string name && space.Members.TryGetValue(name, out object? found) => found,
        string text when key is long at => At(PythonText.Characters(text), at),
        IReadOnlyList<object?> list when key is long at => At(list, at),
        _ => new Undefined(key as string ?? JinjaValues.Text(key)),
    };

    public static object? Call(object? owner, string name, JinjaCall call) => owner switch
    {
        string text => Call(text, name, call),
        OrderedDictionary<string, object?> dictionary => name switch
        {
            "items" => Pairs(dictionary),
            "keys" => JinjaValues.Items(dictionary),
            "values" => dictionary.Values.ToList(),
            _ => call.Allow("key", "default").Get(0, "key") is string key
                && dictionary.TryGetValue(key, out object? value) ? value : call.Get(1, "default"),
        },
        IReadOnlyList<object?> list when name == "count" =>
            (long)list.Count(item => JinjaValues.Same(item, call.Get(0, "value"))),
        IReadOnlyList<object?> list => list.Index().FirstOrDefault(item => JinjaValues.Same(item.Item, call.Get(0, "value")), (-1, null)).Index is >= 0 and var at
            ? (long)at : throw new JinjaError("a list does not hold what is looked for"),
        _ => throw new JinjaError($"{JinjaValues.Kind(owner)} has no method '{name}'"),
    };

    public static List<object?> Pairs(object? value) => value is OrderedDictionary<string, object?> dictionary
        ? [.. dictionary.Select(member => (object?)new[] { member.Key, member.Value })]
        : throw new JinjaError($"{JinjaValues.Kind(value)} has no members");

    public static string Joined(string between, IEnumerable<object?> items)
    {
        var text = new System.Text.StringBuilder();
        foreach (var (i, item) in items.Index())
        {
            text.Append(i == 0 ? "" : between).Append(JinjaValues.Text(item));
            JinjaValues.RequireLength(text.Length);
        }

        return text.ToString();
    }

    public static string Replace(string text, JinjaCall call)
    {
        string old = call.Text(0, "old"), by = call.Text(1, "new");
        if (old.Length == 0)
            throw new JinjaError("the empty text cannot be replaced");
        if (call.Get(2, "count") is { } most
            && JinjaValues.Integer(most, "the count") is >= 0 and < int.MaxValue and var count)
            return Joined(by, text.Split(old, (int)count + 1));
        JinjaValues.RequireLength(text.Length + (text.AsSpan().Count(old) * ((long)by.Length - old.Length)));
        return text.Replace(old, by, StringComparison.Ordinal);
    }

    public static string Capitalized(string text) =>
        text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant();

    public static string Titled(string text)
    {
        char[] letters = text.ToLowerInvariant().ToCharArray();
        for (int i = 0; i < letters.Length; i++)
            if (i == 0 || !char.IsLetter(letters[i - 1]))
                letters[i] = char.ToUpperInvariant(letters[i]);
        return new(letters);
    }

    private static object? Call(string text, string name, JinjaCall call)
    {
        switch (name)
        {
            case "strip" or "lstrip" or "rstrip":
                string? characters = call.Allow("chars").Get(0, "chars") as string;
                return name == "strip" ? PythonText.Trim(text, characters)
                    : name == "lstrip" ? PythonText.TrimStart(text, characters) : PythonText.TrimEnd(text, characters);
            case "startswith" or "endswith":
                object? wanted = call.Allow("prefix").Get(0, "prefix");
                bool Fits(object? end) => end is string part
                    ? name == "startswith"
                        ? text.StartsWith(part, StringComparison.Ordinal)
                        : text.EndsWith(part, StringComparison.Ordinal)
                    : throw new JinjaError($"{name} takes a text, or a tuple of texts");
                return wanted is object?[] several ? several.Any(Fits) : Fits(wanted);
            case "split" or "rsplit":
                return Split(text, name == "rsplit", call.Allow("sep", "maxsplit"));
            case "splitlines":
                call.Allow();
                string[] lines = text.ReplaceLineEndings("\n").Split('\n');
                return lines.Take(lines[^1].Length == 0 ? lines.Length - 1 : lines.Length).ToList<object?>();
            case "join":
                var items = JinjaValues.Items(call.Allow("items").Get(0, "items"));
                return items.TrueForAll(item => item is string)
                    ? Joined(text, items)
                    : throw new JinjaError("join takes texts");
            case "replace":
                return Replace(text, call.Allow("old", "new", "count"));
            case "find":
                int found = text.IndexOf(call.Allow("sub").Text(0, "sub"), StringComparison.Ordinal);
                return found < 0 ? -1L : PythonText.Length(text[..found]);
            case "count":
                return (long)text.Split(call.Allow("sub").Text(0, "sub")).Length - 1;
            case "removeprefix":
                return text.StartsWith(call.Allow("prefix").Text(0, "prefix"), StringComparison.Ordinal)
                    ? text[call.Text(0, "prefix").Length..]
                    : text;
            case "removesuffix":
                return text.EndsWith(call.Allow("suffix").Text(0, "suffix"), StringComparison.Ordinal)
                    ? text[..^call.Text(0, "suffix").Length]
                    : text;
            case "isdigit" or "isalpha" or "isspace":
                Func<char, bool> belongs = name == "isdigit"
                    ? char.IsDigit
                    : name == "isalpha" ? char.IsLetter : PythonText.IsSpace;
                return text.Length > 0 && text.All(belongs);
            default:
                return JinjaFilters.Apply(name, text, call.Allow());
        }
    }

    private static List<object?> Split(string text, bool fromEnd, JinjaCall call)
    {
        long most = call.Get(1, "maxsplit") is { } limit ? JinjaValues.Integer(limit, "maxsplit") : -1;
        if (call.Get(0, "sep") is not { } separator)
            return most < 0
                ? [.. PythonText.Words(text)]
                : throw new JinjaError("split at white space takes no maxsplit here");
        string between = separator is string { Length: > 0 } given
            ? given
            : throw new JinjaError("split takes a text that is not empty");
        List<object?> parts = [.. text.Split(between)];
        if (most < 0 || parts.Count <= most + 1)
            return parts;
        int kept = (int)most;
        return fromEnd
            ? [string.Join(between, parts[..^kept]), .. parts[^kept..]]
            : [.. parts[..kept], string.Join(between, parts[kept..])];
    }

    private static object? At(IReadOnlyList<object?> list, long at) =>
        at >= -list.Count && at < list.Count ? list[(int)(at < 0 ? at + list.Count : at)] : new Undefined($"item {at}");
}
