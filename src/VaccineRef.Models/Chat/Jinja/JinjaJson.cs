using System.Text;

namespace VaccineRef.Models.Chat.Jinja;

/// <summary>Writes values as JSON, as Python's json.dumps does with ensure_ascii=False.</summary>
internal static class JinjaJson
{
    public static string Of(object? value, int? indent)
    {
        var text = new StringBuilder();
        Write(text, value, 0, indent);
        return text.ToString();
    }

    private static void Write(StringBuilder to, object? value, int depth, int? indent)
    {
        JinjaValues.Require(to, depth);
        string separator = indent is null ? ", " : "," + Line(depth + 1, indent);
        switch (value)
        {
            case string text:
                Write(to, text);
                break;
            case IReadOnlyList<object?> { Count: > 0 } list:
                to.Append('[').Append(Line(depth + 1, indent));
                JinjaValues.Joined(to, list, separator, each => Write(to, each, depth + 1, indent));
                to.Append(Line(depth, indent)).Append(']');
                break;
            case OrderedDictionary<string, object?> { Count: > 0 } dictionary:
                to.Append('{').Append(Line(depth + 1, indent));
                JinjaValues.Joined(to, dictionary, separator, member =>
                {
                    Write(to, member.Key);
                    to.Append(": ");
                    Write(to, member.Value, depth + 1, indent);
                });
                to.Append(Line(depth, indent)).Append('}');
                break;
            default:
                to.Append(value switch
                {
                    null => "null",
                    bool flag => flag ? "true" : "false",
                    IReadOnlyList<object?> => "[]",
                    OrderedDictionary<string, object?> => "{}",
                    double number when !double.IsFinite(number) =>
                        double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity",
                    long or double => JinjaValues.Text(value),
                    _ => throw new JinjaError($"{JinjaValues.Kind(value)} cannot be written as JSON"),
                });
                break;
        }
    }

    private static string Line(int depth, int? indent) =>
        indent is { } width ? "\n" + new string(' ', depth * width) : "";

    private static void Write(StringBuilder to, string text)
    {
        to.Append('"');
        foreach (char c in text)
            to.Append(c switch
            {
                '"' => "\\\"",
                '\\' => @"\\",
                '\n' => @"\n",
                '\r' => @"\r",
                '\t' => @"\t",
                '\b' => @"\b",
                '\f' => @"\f",
                < ' ' => $@"\u{(int)c:x4}",
                _ => c.ToString(),
            });
        to.Append('"');
    }
}
