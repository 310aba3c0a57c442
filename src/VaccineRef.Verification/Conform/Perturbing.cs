using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// From site gradients to a perturbation: eps_l = rho g_l / (G + guard), and what can be done otherwise.
/// </summary>
internal static class Perturbing
{
    /// <summary>The perturbation of the parts that share a ball.</summary>
    /// <param name="gradients">Of each part, the gradient at each measured site, (rows, length, C).</param>
    /// <param name="moves">Whether a site is moved; others count in the norm alone.</param>
    /// <param name="variation">What is done otherwise.</param>
    /// <param name="rho">The radius.</param>
    /// <param name="guard">What is added to the norm.</param>
    public static IReadOnlyList<Dictionary<Site, Values>> Fill(
        IReadOnlyList<IReadOnlyDictionary<Site, Values>> gradients, Func<Site, bool> moves, Variation variation,
        double rho, double guard)
    {
        double radius = variation.Radius(rho);
        return
        [
            .. gradients.Select((part, j) => part.Where(entry => moves(entry.Key)).ToDictionary(
                entry => entry.Key,
                entry => Scale(
                    entry.Value, token => Factor(gradients, j, entry.Key, token, variation.Norm, radius, guard),
                    variation.Norm, radius))),
        ];
    }

    /// <summary>The norm over all sites of all parts.</summary>
    public static double Norm(IEnumerable<IReadOnlyDictionary<Site, Values>> parts) =>
        Math.Sqrt(parts.Sum(part => part.Values.Sum(Squares)));

    /// <summary>The product with a number.</summary>
    public static Values Times(Values values, double factor) =>
        factor == 1 ? values : values with { Numbers = [.. values.Numbers.Select(value => value * factor)] };

    /// <summary>The product with the size of each element.</summary>
    public static Values Times(Values values, Values size) =>
        values with { Numbers = [.. values.Numbers.Zip(size.Numbers, (value, by) => value * Math.Abs(by))] };

    /// <summary>How far each weight moves: eps = rho g / (||g|| + guard), g over all of them together.</summary>
    /// <param name="gradients">dL/dw of each.</param>
    /// <param name="variation">What is done otherwise.</param>
    /// <param name="rho">The radius.</param>
    /// <param name="guard">What is added to the norm.</param>
    public static IReadOnlyDictionary<string, Values> OfWeights(
        IReadOnlyDictionary<string, Values> gradients, Variation variation, double rho, double guard)
    {
        double radius = variation.Radius(rho), norm = Values.NormOf(gradients.Values);
        return gradients.ToDictionary(entry => entry.Key, entry => variation.Norm == NormKind.Sign
            ? Times(
                entry.Value with { Numbers = [.. entry.Value.Numbers.Select(value => (double)Math.Sign(value))] },
                radius)
            : Times(entry.Value, radius / variation.Norm switch
            {
                NormKind.Tensor => entry.Value.Norm + guard,
                NormKind.SumOfSites => gradients.Values.Sum(values => values.Norm) + guard,
                NormKind.Squared => (norm * norm) + guard,
                NormKind.None => 1,
                _ => norm + guard,
            }));
    }

    /// <summary>Weights, each moved.</summary>
    public static Dictionary<string, Values> Plus(
        IReadOnlyDictionary<string, Values> weights, IReadOnlyDictionary<string, Values> by) =>
        weights.ToDictionary(
            entry => entry.Key, entry => entry.Value with
            {
                Numbers = [.. entry.Value.Numbers.Zip(by[entry.Key].Numbers, (w, d) => w + d)]
            });

    private static Values Scale(Values gradient, Func<int, double> factor, NormKind norm, double radius)
    {
        if (norm == NormKind.Sign)
            return gradient with { Numbers = [.. gradient.Numbers.Select(value => radius * Math.Sign(value))] };
        int columns = (int)gradient.Shape[^1];
        var scaled = new double[gradient.Numbers.Length];
        for (int token = 0; token < scaled.Length / columns; token++)
        {
            double by = factor(token);
            for (int c = token * columns; c < (token + 1) * columns; c++)
                scaled[c] = by * gradient.Numbers[c];
        }

        return gradient with { Numbers = scaled };
    }

    private static double Factor(
        IReadOnlyList<IReadOnlyDictionary<Site, Values>> parts, int part, Site site, int token, NormKind kind,
        double radius, double guard)
    {
        int length = (int)parts[part][site].Shape[1];
        double norm = kind switch
        {
            NormKind.Site => Math.Sqrt(parts.Sum(all => Squares(all[site]))),
            NormKind.Sample =>
                Math.Sqrt(parts[part].Values.Sum(values => Squares(values, token / length * length, length))),
            NormKind.Token => Math.Sqrt(Squares(parts[part][site], token, 1)),
            NormKind.SumOfSites => parts[0].Keys.Sum(other => Math.Sqrt(parts.Sum(all => Squares(all[other])))),
            NormKind.Squared => Math.Pow(Norm(parts), 2),
            NormKind.None => 1 - guard,
            _ => Norm(parts),
        };
        return norm + guard == 0 ? 0 : radius / (norm + guard);
    }

    private static double Squares(Values values) => values.Numbers.Sum(value => value * value);

    private static double Squares(Values values, int firstToken, int tokens)
    {
        int columns = (int)values.Shape[^1];
        double sum = 0;
        for (int i = firstToken * columns; i < (firstToken + tokens) * columns; i++)
            sum += values.Numbers[i] * values.Numbers[i];
        return sum;
    }
}
