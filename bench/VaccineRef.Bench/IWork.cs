namespace VaccineRef.Bench;

/// <summary>
/// A benchmark's parameter that knows how much work a call is: what the columns of rates are computed from.
/// </summary>
public interface IWork
{
    /// <summary>The work of one call of a benchmark method.</summary>
    Work Of(string method);
}

/// <summary>An amount of work, and what bounds its speed.</summary>
/// <param name="Amount">Floating-point operations, bytes read and written, or tokens.</param>
/// <param name="Unit">Which of them.</param>
public readonly record struct Work(double Amount, Unit Unit);

/// <summary>What is counted.</summary>
public enum Unit
{
    /// <summary>Bound by multiply-adds.</summary>
    Flop,

    /// <summary>Bound by memory.</summary>
    Byte,

    /// <summary>Whole steps: tokens.</summary>
    Token,
}
