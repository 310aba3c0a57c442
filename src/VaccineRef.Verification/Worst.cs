namespace VaccineRef.Verification;

/// <summary>Keeps the worst of several errors, and where it was.</summary>
internal sealed class Worst
{
    /// <summary>Below this part of the whole gradient a tensor counts as truly zero: rounding noise has no relative error.</summary>
    private const double Vanishing = 1e-6;

    public double Error { get; private set; }

    public string? Where { get; private set; }

    public bool IsEmpty { get; private set; } = true;

    public string? Note { get; set; }

    /// <summary>A NaN is the worst error there is.</summary>
    public void Add(double error, string where)
    {
        if (IsEmpty || error > Error || double.IsNaN(error))
            (Error, Where) = (double.IsNaN(error) ? double.PositiveInfinity : error, where);
        IsEmpty = false;
    }

    /// <summary>||found - expected|| / ||expected||; where expected is zero but for rounding, / <paramref name="scale"/>.</summary>
    public void Relative(ReadOnlySpan<double> found, ReadOnlySpan<double> expected, string where, double scale = 0)
    {
        double difference = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += (found[i] - expected[i]) * (found[i] - expected[i]);
            norm += expected[i] * expected[i];
        }

        difference = Math.Sqrt(difference);
        norm = Math.Sqrt(norm);
        Add(difference == 0 ? 0 : difference / (norm > Vanishing * scale ? norm : scale), where);
    }

    public void Relative(double found, double expected, string where, double scale = 0) =>
        Relative([found], [expected], where, scale);

    /// <summary>|found - expected| / <paramref name="most"/>, the most a sum of these elements can be; / scale where that vanishes.</summary>
    public void Sum(double found, double expected, double most, string where, double scale) =>
        Add(Math.Abs(found - expected) / (most > Vanishing * scale ? most : scale), where);

    public Comparison Compare(string name, string quantity, double bound, string measure = "relative") =>
        new(name, quantity, Error, bound, measure, Where, Note);
}
