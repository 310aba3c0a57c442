namespace VaccineRef.Models.Chat.Jinja;

/// <summary>The tests behind "is". Source: jinja2/tests.py.</summary>
internal static class JinjaTests
{
    public static IReadOnlyList<string> Names { get; } =
    [
        "defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number", "integer", "float",
        "boolean", "true", "false", "odd", "even", "divisibleby", "equalto", "eq", "ne", "lt", "le", "gt", "ge", "in",
        "sameas", "callable", "lower", "upper",
    ];

    public static bool Holds(string name, object? value, IReadOnlyList<object?> arguments)
    {
        object? Other() => arguments is [var only] ? only : throw new JinjaError($"the test {name} takes one argument");
        return name switch
        {
            "defined" => value is not Undefined,
            "undefined" => value is Undefined,
            "none" => value is null,
            "string" => value is string,
            "mapping" => value is OrderedDictionary<string, object?>,
            "iterable" or "sequence" =>
                value is Undefined or string or IEnumerable<object?> or OrderedDictionary<string, object?>,
            "number" => value is bool or long or double,
            "integer" => value is long,
            "float" => value is double,
            "boolean" => value is bool,
            "true" => value is true,
            "false" => value is false,
            "odd" => JinjaValues.Integer(value, "what is odd or even") % 2 != 0,
            "even" => JinjaValues.Integer(value, "what is odd or even") % 2 == 0,
            "divisibleby" => JinjaValues.Integer(value, "what is divided") % Divisor(Other()) == 0,
            "equalto" or "eq" => JinjaValues.Same(value, Other()),
            "ne" => !JinjaValues.Same(value, Other()),
            "lt" => JinjaValues.Compare(value, Other()) < 0,
            "le" => JinjaValues.Compare(value, Other()) <= 0,
            "gt" => JinjaValues.Compare(value, Other()) > 0,
            "ge" => JinjaValues.Compare(value, Other()) >= 0,
            "in" => JinjaValues.Contains(Other(), value),
            "sameas" => ReferenceEquals(value, Other()) || (value is bool or long && Equals(value, Other())),
            "callable" => value is JinjaFunction,
            "lower" => JinjaValues.Text(value) is var text && text.Any(char.IsLetter)
                && text.Equals(text.ToLowerInvariant(), StringComparison.Ordinal),
            _ => JinjaValues.Text(value) is var text && text.Any(char.IsLetter)
                && text.Equals(text.ToUpperInvariant(), StringComparison.Ordinal),
        };
    }

    private static long Divisor(object? value) =>
        JinjaValues.Integer(value, "the divisor") is not 0 and var divisor
            ? divisor
            : throw new JinjaError("a division by 0");
}
