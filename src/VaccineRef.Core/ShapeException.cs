namespace VaccineRef.Core;

/// <summary>
/// An op was given shapes or ids that it cannot take. The message names the op and what it was given.
/// </summary>
public sealed class ShapeException : InputException
{
    /// <summary>Reports shapes that do not fit together.</summary>
    public ShapeException(string op, ReadOnlySpan<Shape> found, string expected)
        : base($"{op}: these shapes do not fit together", op, string.Join(" x ", found.ToArray()), expected)
    {
    }

    /// <summary>Reports another input that the op cannot take, such as an id out of range.</summary>
    public ShapeException(string op, string found, string expected)
        : base($"{op}: this input does not fit", op, found, expected)
    {
    }
}
