using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// The site in front of attention's output projection y = W x (+ b), seen from behind it: its gradient is W' dy, moving
/// it by d moves y by W d, and then dW has dy d' more than it would have. Does nothing unless it is asked for.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="weights">What it trains, as it stands now.</param>
/// <param name="inFront">Whether sites lie in front of the projection.</param>
internal sealed class Projection(IReferenceModel model, IReadOnlyDictionary<string, Values> weights, bool inFront)
{
    /// <summary>Gradients behind the projection to gradients in front of it.</summary>
    public IReadOnlyDictionary<Site, Values> Back(IReadOnlyDictionary<Site, Values> gradients) =>
        Map(gradients, (values, weight, layout) => Product(values, weight, transpose: layout == WeightLayout.InOut));

    /// <summary>A shift in front of the projection to what it is behind it.</summary>
    public IReadOnlyDictionary<Site, Values> Forward(IReadOnlyDictionary<Site, Values> shift) =>
        Map(shift, (values, weight, layout) => Product(values, weight, transpose: layout == WeightLayout.OutIn));

    /// <summary>The parameter gradients of a pass that was moved in front of the projection.</summary>
    public IReadOnlyDictionary<string, Values> Gradients(PassResult pass, IReadOnlyDictionary<Site, Values> shift)
    {
        if (!inFront)
            return pass.Gradients;
        var gradients = pass.Gradients.ToDictionary(entry => entry.Key, entry => entry.Value);
        foreach (var (site, moved) in shift.Where(entry => entry.Key.Kind == SiteKind.AttentionOutput))
        {
            var (name, layout) = model.OutputProjections[site.Layer];
            if (!gradients.TryGetValue(name, out var gradient))
                continue;
            var (left, right) = layout == WeightLayout.OutIn
                ? (pass.SiteGradients[site], moved)
                : (moved, pass.SiteGradients[site]);
            gradients[name] = gradient with
            {
                Numbers = [.. gradient.Numbers.Zip(Outer(left, right), (a, b) => a + b)]
            };
        }

        return gradients;
    }

    private IReadOnlyDictionary<Site, Values> Map(
        IReadOnlyDictionary<Site, Values> values, Func<Values, Values, WeightLayout, Values> map) => inFront
        ? values.ToDictionary(entry => entry.Key, entry =>
        {
            if (entry.Key.Kind != SiteKind.AttentionOutput)
                return entry.Value;
            var (name, layout) = model.OutputProjections[entry.Key.Layer];
            return map(entry.Value, weights.GetValueOrDefault(name) ?? model.All[name], layout);
        })
        : values;

    /// <summary>x W, or x W' where transposed; x is (rows, length, columns).</summary>
    private static Values Product(Values x, Values w, bool transpose)
    {
        int columns = (int)x.Shape[^1], outputs = (int)w.Shape[transpose ? 0 : 1], width = (int)w.Shape[1];
        int rows = x.Numbers.Length / columns;
        var y = new double[rows * outputs];
        for (int row = 0; row < rows; row++)
            for (int k = 0; k < columns; k++)
                for (int c = 0; c < outputs; c++)
                    y[(row * outputs) + c] +=
                        x.Numbers[(row * columns) + k] * w.Numbers[transpose ? (c * width) + k : (k * width) + c];
        return new(y, [.. x.Shape[..^1], outputs]);
    }

    /// <summary>The sum over rows of left row' right row, row-major.</summary>
    private static double[] Outer(Values left, Values right)
    {
        int a = (int)left.Shape[^1], b = (int)right.Shape[^1];
        var sum = new double[a * b];
        for (int row = 0; row < left.Numbers.Length / a; row++)
            for (int i = 0; i < a; i++)
                for (int j = 0; j < b; j++)
                    sum[(i * b) + j] += left.Numbers[(row * a) + i] * right.Numbers[(row * b) + j];
        return sum;
    }
}
