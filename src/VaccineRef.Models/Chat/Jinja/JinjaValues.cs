using System.Globalization;
using System.Text;

namespace VaccineRef.Models.Chat.Jinja;

/// <summary>A step of a template that has no meaning; the renderer adds the line.</summary>
internal sealed class JinjaError(string message) : Exception(message);

/// <summary>
/// A variable or a member that is not there. It is printed as nothing, and whatever else is done with it is an error.
/// </summary>
internal sealed record Undefined(string Name)
{
    public JinjaError Error => new($"'{Name}' is undefined");
}

/// <summary>What namespace() makes: the one value whose members can be set.</summary>
internal sealed class Namespace(OrderedDictionary<string, object?> members)
{
    public OrderedDictionary<string, object?> Members => members;
}

/// <summary>
/// The values of a template: null, <see cref="Undefined"/>, bool, long, double, string, a list (List of object), a
/// tuple (an array), a dictionary with text as keys, <see cref="Namespace"/>, and what can be called.
/// </summary>
internal static class JinjaValues
{
    /// <summary>How deep lists and dictionaries may be nested.</summary>
    private const int DeepestValue = 100;
    private const int MostCompared = 100_000;

    /// <summary>The longest text that is made of a value.</summary>
    public const int LongestText = 1 << 24;

    public static bool Truth(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        IReadOnlyCollection<object?> list => list.Count > 0,
        OrderedDictionary<string, object?> dictionary => dictionary.Count > 0,
        _ => true,
    };

    public static string Kind(object? value) => value switch
    {
        null => "none",
        Undefined undefined => $"'{undefined.Name}', which is undefined",
        bool => "true or false",
        long or double => "a number",
        string => "a text",
        IReadOnlyCollection<object?> => "a list",
        OrderedDictionary<string, object?> => "a dictionary",
        _ => "something that can be called",
    };

    public static List<object?> Items(object? value) => value switch
    {
        Undefined => [],
        string text => PythonText.Characters(text),
        IEnumerable<object?> list => [.. list],
        OrderedDictionary<string, object?> dictionary => [.. dictionary.Keys],
        _ => throw new JinjaError($"{Kind(value)} has no items"),
    };

    public static long Length(object? value) => value switch
    {
        Undefined => 0,
        string text => PythonText.Length(text),
        IReadOnlyCollection<object?> list => list.Count,
        OrderedDictionary<string, object?> dictionary => dictionary.Count,
        _ => throw new JinjaError($"{Kind(value)} has no length"),
    };

    public static long Integer(object? value, string what) => value switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        _ => throw new JinjaError($"{what} is {Kind(value)} and no integer"),
    };

    public static bool Same(object? left, object? right)
    {
        int compared = 0;
        return Same(left, right, 0, ref compared);
    }

    public static bool Contains(object? container, object? item) => container switch
    {
        string text => item is string part ? text.Contains(part, StringComparison.Ordinal)
            : throw new JinjaError($"a text cannot hold {Kind(item)}"),
        OrderedDictionary<string, object?> dictionary => item is string key && dictionary.ContainsKey(key),
        _ => Items(container).Exists(each => Same(each, item)),
    };

    public static int Compare(object? left, object? right) => (left, right) switch
    {
        (string a, string b) => string.CompareOrdinal(a, b),
        (bool or long or double, bool or long or double) => Number(left).CompareTo(Number(right)),
        _ => throw new JinjaError($"{Kind(left)} and {Kind(right)} have no order"),
    };

    public static double Number(object? value) => value switch
    {
        bool flag => flag ? 1 : 0,
        long number => number,
        double number => number,
        _ => throw new JinjaError($"{Kind(value)} is no number"),
    };

    /// <summary>The value as it is printed.</summary>
    public static string Text(object? value)
    {
        if (value is string or Undefined)
            return value as string ?? "";
        var text = new StringBuilder();
        WritePython(text, value, 0);
        return text.ToString();
    }

    /// <summary>Requires that a text that is being written is neither too long nor too deep.</summary>
    public static void Require(StringBuilder text, int depth)
    {
        if (depth > DeepestValue)
            throw new JinjaError($"a value is nested deeper than {DeepestValue} levels");
        RequireLength(text.Length);
    }

    /// <summary>Requires that a text is not too long, before it is written.</summary>
    public static void RequireLength(long length)
    {
        if (length > LongestText)
            throw new JinjaError($"a text is longer than {LongestText} characters");
    }

    // one list may stand in another many times, so that few lists are a great many values
    private static bool Same(object? left, object? right, int depth, ref int compared)
    {
        if (depth > DeepestValue || ++compared > MostCompared)
            throw new JinjaError($"values are compared that are deeper than {DeepestValue} levels or have more than {MostCompared} parts");
        switch (left, right)
        {
            case (string a, string b):
                return string.Equals(a, b, StringComparison.Ordinal);
            case (bool or long or double, bool or long or double):
                return Number(left) == Number(right);
            case (IReadOnlyList<object?> a, IReadOnlyList<object?> b) when (a is object?[]) == (b is object?[])
                && a.Count == b.Count:
                for (int i = 0; i < a.Count; i++)
                    if (!Same(a[i], b[i], depth + 1, ref compared))
                        return false;
                return true;
            case (OrderedDictionary<string, object?> a, OrderedDictionary<string, object?> b) when a.Count == b.Count:
                foreach (var (key, value) in a)
                    if (!b.TryGetValue(key, out object? other) || !Same(value, other, depth + 1, ref compared))
                        return false;
                return true;
            default:
                return (left is Undefined && right is Undefined) || ReferenceEquals(left, right);
        }
    }

    private static void WritePython(StringBuilder to, object? value, int depth)
    {
        Require(to, depth);
        switch (value)
        {
            case string text:
                to.Append(PythonText.Quoted(text));
                break;
            case IReadOnlyList<object?> list:
                bool isTuple = value is object?[];
                to.Append(isTuple ? '(' : '[');
                Joined(to, list, ", ", each => WritePython(to, each, depth + 1));
                to.Append(isTuple ? list.Count == 1 ? ",)" : ")" : "]");
                break;
            case OrderedDictionary<string, object?> dictionary:
                to.Append('{');
                Joined(to, dictionary, ", ", member =>
                {
                    to.Append(PythonText.Quoted(member.Key)).Append(": ");
                    WritePython(to, member.Value, depth + 1);
                });
                to.Append('}');
                break;
            default:
                to.Append(value switch
                {
                    null => "None",
                    bool flag => flag ? "True" : "False",
                    long number => number.ToString(CultureInfo.InvariantCulture),
                    double number => PythonText.Of(number),
                    Undefined => "Undefined",
                    _ => throw new JinjaError($"{Kind(value)} cannot be printed"),
                });
                break;
        }
    }

    /// <summary>Writes items with a separator between them.</summary>
    public static void Joined<T>(StringBuilder to, IEnumerable<T> items, string separator, Action<T> write)
    {
        bool isFirst = true;
        foreach (var item in items)
        {
            if (!isFirst)
                to.Append(separator);
            isFirst = false;
            write(item);
        }
    }
}
