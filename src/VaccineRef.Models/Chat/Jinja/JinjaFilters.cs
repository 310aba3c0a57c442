using System.Globalization;

namespace VaccineRef.Models.Chat.Jinja;

/// <summary>The filters behind "|". Source: jinja2/filters.py; tojson is that of transformers.</summary>
internal static class JinjaFilters
{
    public static IReadOnlyList<string> Names { get; } =
    [
        "trim", "length", "count", "tojson", "default", "d", "upper", "lower", "capitalize", "title", "replace", "join",
        "first", "last", "list", "string", "safe", "int", "float", "abs", "reverse", "items", "indent", "map", "select",
        "reject", "selectattr", "rejectattr",
    ];

    public static object? Apply(string name, object? value, JinjaCall call)
    {
        string Text() => JinjaValues.Text(value);
        switch (name)
        {
            case "trim":
                return PythonText.Trim(Text(), call.Allow("chars").Get(0, "chars") as string);
            case "length" or "count":
                return JinjaValues.Length(value);
            case "tojson":
                return JinjaJson.Of(
                    value, call.Allow("ensure_ascii", "indent").Get(1, "indent") is long indent and >= 0 and <= 16
                        ? (int)indent
                        : null);
            case "default" or "d":
                call.Allow("default_value", "boolean");
                bool replaces = value is Undefined
                    || (JinjaValues.Truth(call.Get(1, "boolean")) && !JinjaValues.Truth(value));
                return replaces ? call.Get(0, "default_value", "") : value;
            case "replace":
                return JinjaMethods.Replace(Text(), call.Allow("old", "new", "count"));
            case "join":
                string between = call.Allow("d").Text(0, "d", "");
                return JinjaMethods.Joined(between, JinjaValues.Items(value));
            case "first" or "last":
                var items = JinjaValues.Items(value);
                return items.Count == 0 ? new Undefined($"the {name} of nothing") : items[name == "first" ? 0 : ^1];
            case "reverse":
                return value is string
                    ? string.Concat(Enumerable.Reverse(JinjaValues.Items(value)))
                    : Enumerable.Reverse(JinjaValues.Items(value)).ToList();
            case "items":
                return value is Undefined ? new List<object?>() : JinjaMethods.Pairs(value);
            case "indent":
                return Indented(Text(), call.Allow("width", "first", "blank"));
            case "int" or "float" or "abs":
                return Number(name, value, call.Allow("default"));
            case "map":
                return Mapped(value, call);
            case "select" or "reject" or "selectattr" or "rejectattr":
                return Chosen(name, value, call);
            default:
                return Simple(name, value);
        }
    }

    private static object? Simple(string name, object? value) => name switch
    {
        "upper" => JinjaValues.Text(value).ToUpperInvariant(),
        "lower" => JinjaValues.Text(value).ToLowerInvariant(),
        "capitalize" => JinjaMethods.Capitalized(JinjaValues.Text(value)),
        "title" => JinjaMethods.Titled(JinjaValues.Text(value)),
        "list" => JinjaValues.Items(value),
        _ => JinjaValues.Text(value),
    };

    private static object? Number(string name, object? value, JinjaCall call)
    {
        if (name == "abs")
            return value is long integer ? (object)Math.Abs(integer) : Math.Abs(JinjaValues.Number(value));
        bool isNumber = value is bool or long or double;
        double number = isNumber ? JinjaValues.Number(value)
            : value is string text && double.TryParse(PythonText.Trim(text), NumberStyles.Float, CultureInfo.InvariantCulture, out double read) ? read
            : double.NaN;
        if (double.IsNaN(number))
            return call.Get(0, "default", name == "int" ? (object)0L : 0.0);
        if (name == "float")
            return number;
        return value is long whole
            ? whole
            : Math.Abs(number) < 1L << 53 ? (long)Math.Truncate(number) : throw new JinjaError("a number is too large");
    }

    private static string Indented(string text, JinjaCall call)
    {
        object? width = call.Get(0, "width", 4L);
        string margin = width as string
            ?? new string(' ', (int)Math.Clamp(JinjaValues.Integer(width, "the width"), 0, 1000));
        bool first = JinjaValues.Truth(call.Get(1, "first", false)),
            blank = JinjaValues.Truth(call.Get(2, "blank", false));
        string[] lines = text.Split('\n');
        return string.Join(
            '\n', lines.Select((line, i) => (i == 0 ? first : blank || line.Length > 0) ? margin + line : line));
    }

    private static List<object?> Mapped(object? value, JinjaCall call)
    {
        if (call.ByName.Count > 0)
        {
            string attribute = call.Allow("", "attribute", "default").Text(1, "attribute");
            return [.. JinjaValues.Items(value).Select(item => JinjaMethods.Member(item, attribute) is { } found and not Undefined
                ? found : call.Get(2, "default", JinjaMethods.Member(item, attribute)))];
        }

        string filter = call.Text(0, "filter");
        if (!Names.Contains(filter))
            throw new JinjaError($"the filter {filter} is not supported");
        var arguments = new JinjaCall(filter, [.. call.ByPlace.Skip(1)], []);
        return [.. JinjaValues.Items(value).Select(item => Apply(filter, item, arguments))];
    }

    private static List<object?> Chosen(string name, object? value, JinjaCall call)
    {
        bool byAttribute = name.EndsWith("attr", StringComparison.Ordinal);
        var rest = call.ByPlace.Skip(byAttribute ? 1 : 0).ToArray();
        string? attribute = byAttribute ? call.Text(0, "attribute") : null;
        string? test = rest.Length > 0
            ? rest[0] as string ?? throw new JinjaError($"{name} takes the name of a test")
            : null;
        if (test is not null && !JinjaTests.Names.Contains(test))
            throw new JinjaError($"the test {test} is not supported");
        bool Holds(object? item)
        {
            object? tested = attribute is null ? item : JinjaMethods.Member(item, attribute);
            return test is null ? JinjaValues.Truth(tested) : JinjaTests.Holds(test, tested, [.. rest.Skip(1)]);
        }

        bool wanted = name.StartsWith("select", StringComparison.Ordinal);
        return [.. JinjaValues.Items(value).Where(item => Holds(item) == wanted)];
    }
}
