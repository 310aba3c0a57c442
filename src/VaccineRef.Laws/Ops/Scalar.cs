namespace VaccineRef.Laws;

/// <summary>
/// The oracle: reverse-mode differentiation of one double at a time. It shares no code and no data structure with the
/// tape, and knows nothing of matrices.
/// </summary>
/// <param name="value">The value.</param>
/// <param name="parents">What it was computed from, with the partial derivative for each.</param>
public sealed class Scalar(double value, params (Scalar Of, double Slope)[] parents)
{
    /// <summary>The value.</summary>
    public double Value { get; } = value;

    /// <summary>The derivative of the last <see cref="Backward"/>'s result with respect to this.</summary>
    public double Gradient { get; private set; }

    /// <summary>A constant.</summary>
    public static implicit operator Scalar(double value) => new(value);

    /// <summary>x + y.</summary>
    public static Scalar operator +(Scalar x, Scalar y) => new(x.Value + y.Value, (x, 1), (y, 1));

    /// <summary>x - y.</summary>
    public static Scalar operator -(Scalar x, Scalar y) => new(x.Value - y.Value, (x, 1), (y, -1));

    /// <summary>-x.</summary>
    public static Scalar operator -(Scalar x) => new(-x.Value, (x, -1));

    /// <summary>x y.</summary>
    public static Scalar operator *(Scalar x, Scalar y) => new(x.Value * y.Value, (x, y.Value), (y, x.Value));

    /// <summary>x / y.</summary>
    public static Scalar operator /(Scalar x, Scalar y) =>
        new(x.Value / y.Value, (x, 1 / y.Value), (y, -x.Value / (y.Value * y.Value)));

    /// <summary>e^x.</summary>
    public static Scalar Exp(Scalar x) => Math.Exp(x.Value) is var y ? new(y, (x, y)) : x;

    /// <summary>The natural logarithm.</summary>
    public static Scalar Log(Scalar x) => new(Math.Log(x.Value), (x, 1 / x.Value));

    /// <summary>The square root.</summary>
    public static Scalar Sqrt(Scalar x) => Math.Sqrt(x.Value) is var y ? new(y, (x, 0.5 / y)) : x;

    /// <summary>The hyperbolic tangent.</summary>
    public static Scalar Tanh(Scalar x) => Math.Tanh(x.Value) is var y ? new(y, (x, 1 - (y * y))) : x;

    /// <summary>The larger of x and 0.</summary>
    public static Scalar Relu(Scalar x) => x.Value > 0 ? new(x.Value, (x, 1)) : new(0, (x, 0));

    /// <summary>The sum.</summary>
    public static Scalar Sum(params IEnumerable<Scalar> terms)
    {
        Scalar[] all = [.. terms];
        return new(all.Sum(term => term.Value), [.. all.Select(term => (term, 1.0))]);
    }

    /// <summary>Sets the gradient of everything this was computed from.</summary>
    public void Backward()
    {
        var order = new List<Scalar>();
        var seen = new HashSet<Scalar>();
        Visit(this, seen, order);
        foreach (var node in order)
            node.Gradient = 0;
        Gradient = 1;
        foreach (var node in Enumerable.Reverse(order))
            node.Push();
    }

    private static void Visit(Scalar node, HashSet<Scalar> seen, List<Scalar> order)
    {
        if (!seen.Add(node))
            return;
        foreach (var (of, _) in node.Parents)
            Visit(of, seen, order);
        order.Add(node);
    }

    private (Scalar Of, double Slope)[] Parents => parents;

    private void Push()
    {
        foreach (var (of, slope) in parents)
            of.Gradient += slope * Gradient;
    }
}
