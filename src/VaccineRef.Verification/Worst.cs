namespace VaccineRef.Verification;

/// <summary>
/// Keeps the worst of several errors, and where it was. Nothing compared at all is the worst that there is.
/// </summary>
internal sealed class Worst
{
    public double Error { get; private set; }

    public string? Where { get; private set; }

    public bool IsEmpty { get; private set; } = true;

    public string? Note { get; set; }

    /// <summary>A NaN is the worst error there is.</summary>
    public void Add(double error, string where)
    {
        if (double.IsNaN(error))
            error = double.PositiveInfinity;
        if (IsEmpty || error > Error)
            (Error, Where) = (error, where);
        IsEmpty = false;
    }

    /// <summary>A difference by its name; a problem is kept with it.</summary>
    public void Add(Difference difference, string where) =>
        Add(difference.Relative, difference.Problem is { } problem ? $"{where}: {problem}" : where);

    /// <summary>What should be there and is not, or the other way round.</summary>
    public void Fail(string problem) => Add(double.PositiveInfinity, problem);

    /// <summary>
    /// ||found - expected|| / ||expected||; where expected is zero but for rounding, / <paramref name="scale"/>.
    /// </summary>
    public void Relative(Values found, Values expected, string where, double scale = 0) =>
        Add(Difference.Between(found, expected, scale), where);

    /// <summary>
    /// |found - expected| / <paramref name="most"/>, the most a sum of these elements can be; / scale where that
    /// vanishes.
    /// </summary>
    public void Sum(double found, double expected, double most, string where, double scale) =>
        Add(Math.Abs(found - expected) / (most > Difference.Vanishing * scale ? most : scale), where);

    /// <summary>The largest |found - expected| over the elements that count, in units.</summary>
    public void Absolute(Values found, Values expected, double unit, string where, bool[]? skipped = null)
    {
        if (Difference.Between(found, expected, scale: 1) is { Problem: not null } wrong)
        {
            Add(wrong, where);
            return;
        }

        for (int i = 0; i < found.Numbers.Length; i++)
            if (skipped is null || !skipped[i])
                Add(Math.Abs(found.Numbers[i] - expected.Numbers[i]) / unit, where);
    }

    public Comparison Compare(string name, string quantity, double bound, string measure = "relative") => IsEmpty
        ? new(name, quantity, double.PositiveInfinity, bound, measure, "nothing was compared", Note)
        : new(name, quantity, Error, bound, measure, Where, Note);
}
