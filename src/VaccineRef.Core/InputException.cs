namespace VaccineRef.Core;

/// <summary>
/// Something that the user gave is wrong, such as a file, a setting, a shape or a key. The message says what is wrong,
/// where, what was found, what was expected and what the user can do, each on a line of its own. The command line
/// prints the message and exits with code 2.
/// </summary>
public class InputException : Exception
{
    /// <summary>Composes the message from its parts. Parts that are null are left out.</summary>
    /// <param name="what">What is wrong, as one sentence without a full stop.</param>
    /// <param name="where">The file, key, JSON path or op at fault.</param>
    /// <param name="found">What stands there.</param>
    /// <param name="expected">What should stand there.</param>
    /// <param name="remedy">What the user can do about it.</param>
    /// <param name="inner">The exception that caused this one, if any.</param>
    public InputException(
        string what, string? where = null, string? found = null, string? expected = null, string? remedy = null,
        Exception? inner = null)
        : base(Compose(what, where, found, expected, remedy), inner)
    {
        What = what;
        Where = where;
    }

    /// <summary>What is wrong, as one sentence.</summary>
    public string What { get; }

    /// <summary>The file, key, JSON path or op at fault, if known.</summary>
    public string? Where { get; }

    private static string Compose(string what, string? where, string? found, string? expected, string? remedy)
    {
        var lines = new List<string> { what };
        void Line(string label, string? text)
        {
            if (text is not null)
                lines.Add($"  {label,-9} {text}");
        }

        Line("where:", where);
        Line("found:", found);
        Line("expected:", expected);
        Line("remedy:", remedy);
        return string.Join(Environment.NewLine, lines);
    }
}
