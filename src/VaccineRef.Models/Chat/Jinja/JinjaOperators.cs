namespace VaccineRef.Models.Chat.Jinja;

/// <summary>Arithmetic, joining and slicing as Python does them. What would be too large is an error.</summary>
internal static class JinjaOperators
{
    public static object? Binary(string sign, object? left, object? right) => (sign, left, right) switch
    {
        ("~", _, _) => Join(JinjaValues.Text(left), JinjaValues.Text(right)),
        (_, Undefined undefined, _) => throw undefined.Error,
        (_, _, Undefined undefined) => throw undefined.Error,
        ("+", string a, string b) => Join(a, b),
        ("+", List<object?> a, List<object?> b) => Limited([.. a, .. b]),
        ("+", object?[] a, object?[] b) => Limited([.. a, .. b]).ToArray(),
        ("*", string text, long times) => Repeat(text, times),
        ("*", long times, string text) => Repeat(text, times),
        ("**", bool or long, bool or long) when JinjaValues.Number(right) >= 0 => Power(left, right),
        (_, bool or long, bool or long) when sign is not ("/" or "**") =>
            Whole(sign, JinjaValues.Integer(left, sign), JinjaValues.Integer(right, sign)),
        (_, bool or long or double, bool or long or double) => Fraction(sign, left, right),
        _ => throw new JinjaError($"{JinjaValues.Kind(left)} {sign} {JinjaValues.Kind(right)} has no meaning"),
    };

    public static object Negative(object? value) => value switch
    {
        long or bool => (object)-JinjaValues.Integer(value, "-"),
        _ => -JinjaValues.Number(value),
    };

    /// <summary>Part of a text or a list: value[start:stop:step], each of which may be null.</summary>
    public static object Slice(object? value, object? start, object? stop, object? step)
    {
        if (value is not (string or IReadOnlyList<object?>))
            throw new JinjaError($"{JinjaValues.Kind(value)} has no slices");
        var items = JinjaValues.Items(value);
        long by = step is null ? 1 : JinjaValues.Integer(step, "the step of a slice");
        if (by == 0)
            throw new JinjaError("the step of a slice is 0");
        long Bound(object? bound, long otherwise)
        {
            if (bound is null)
                return otherwise;
            long at = JinjaValues.Integer(bound, "the bound of a slice");
            at += at < 0 ? items.Count : 0;
            return by > 0 ? Math.Clamp(at, 0, items.Count) : Math.Clamp(at, -1, items.Count - 1);
        }

        var part = new List<object?>();
        long from = Bound(start, by > 0 ? 0 : items.Count - 1), to = Bound(stop, by > 0 ? items.Count : -1);
        by = Math.Clamp(by, -items.Count - 1, items.Count + 1);
        for (long i = from; by > 0 ? i < to : i > to; i += by)
            part.Add(items[(int)i]);
        return value is string ? string.Concat(part) : value is object?[]? part.ToArray() : part;
    }

    private static string Join(string left, string right)
    {
        JinjaValues.RequireLength(left.Length + right.Length);
        return left + right;
    }

    private static string Repeat(string text, long times)
    {
        if (times <= 0 || text.Length == 0)
            return "";
        JinjaValues.RequireLength(times > JinjaValues.LongestText ? times : text.Length * times);
        return string.Concat(Enumerable.Repeat(text, (int)times));
    }

    private static List<object?> Limited(List<object?> list) => list.Count <= JinjaValues.LongestText / 16
        ? list
        : throw new JinjaError($"a list has more than {JinjaValues.LongestText / 16} items");

    private static long Power(object left, object right) =>
        Math.Pow(JinjaValues.Number(left), JinjaValues.Number(right)) is var power && Math.Abs(power) < 1L << 53
            ? (long)power
            : throw new JinjaError("a number is too large");

    private static long Whole(string sign, long left, long right)
    {
        try
        {
            return checked(sign switch
            {
                "+" => left + right,
                "-" => left - right,
                "*" => left * right,
                "//" when right != 0 => (left / right) - (left % right != 0 && (left < 0) != (right < 0) ? 1 : 0),
                "%" when right != 0 => ((left % right) + right) % right,
                _ => throw new JinjaError("a division by 0"),
            });
        }
        catch (OverflowException)
        {
            throw new JinjaError("a number is too large");
        }
    }

    private static double Fraction(string sign, object? left, object? right)
    {
        double a = JinjaValues.Number(left), b = JinjaValues.Number(right);
        if (b == 0 && sign is ("/" or "//" or "%"))
            throw new JinjaError("a division by 0");
        return sign switch
        {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "/" => a / b,
            "//" => Math.Floor(a / b),
            "**" => Math.Pow(a, b),
            _ => a - (b * Math.Floor(a / b)),
        };
    }
}
