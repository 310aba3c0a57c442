namespace VaccineRef.Core;

/// <summary>An op was given shapes, or ids, that it cannot take. Names the op and the shapes.</summary>
public sealed class ShapeException : InputException
{
    /// <summary>Reports the op, what it was given and what it takes.</summary>
    public ShapeException(string op, ReadOnlySpan<Shape> found, string expected)
        : base($"{op}: these shapes do not fit together", op, string.Join(" x ", found.ToArray()), expected)
    {
    }

    /// <summary>Reports the op, the offending detail and what it takes.</summary>
    public ShapeException(string op, string found, string expected)
        : base($"{op}: this input does not fit", op, found, expected)
    {
    }
}
