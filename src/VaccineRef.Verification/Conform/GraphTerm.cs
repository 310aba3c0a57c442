using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// What is added to the gradient where eps is not held constant: sum_l (d eps_l / dw)' g2_l, with g2 the second pass's
/// site gradients. eps depends on w through g alone, and g_l = dL/de_l, so that the term is d/dw of &lt;c, g(w)&gt;
/// with c = (d eps / dg)' g2 held constant: the derivative of dL/dw along a shift of the sites by t c, at t = 0, taken
/// as a central difference.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="rho">The radius of the ball.</param>
/// <param name="guard">What is added to the norm.</param>
internal sealed class GraphTerm(IReferenceModel model, double rho, double guard)
{
    // |c| is scaled to 1: the difference's own error is about 1e-16 / h + h^2.
    private const double H = 1e-5;

    /// <summary>The term of each part.</summary>
    /// <param name="parts">The parts of a step.</param>
    /// <param name="oneBall">Whether they share a ball; otherwise each has its own.</param>
    public IReadOnlyList<IReadOnlyDictionary<string, Values>> Of(IReadOnlyList<StepPart> parts, bool oneBall) =>
        [.. parts.Select(part => Derivative(part, Direction(part, oneBall ? parts : [part])))];

    /// <summary>c_l = rho (g2_l / (G + guard) - g_l &lt;g2, g&gt; / (G (G + guard)^2)).</summary>
    private Dictionary<Site, Values> Direction(StepPart part, IReadOnlyList<StepPart> ball)
    {
        double norm = Perturbing.Norm(ball.Select(other => other.G)), guarded = norm + guard;
        double inner = ball.Sum(other => other.G.Sum(entry =>
            entry.Value.Numbers.Zip(other.Second!.SiteGradients[entry.Key].Numbers, (a, b) => a * b).Sum()));
        return part.G.ToDictionary(entry => entry.Key, entry => entry.Value with
        {
            Numbers =
            [
                .. entry.Value.Numbers.Zip(
                    part.Second!.SiteGradients[entry.Key].Numbers,
                    (g, second) => rho * ((second / guarded) - (g * inner / (norm * guarded * guarded)))),
            ],
        });
    }

    private Dictionary<string, Values> Derivative(StepPart part, Dictionary<Site, Values> direction)
    {
        double length = Perturbing.Norm([direction]);
        IReadOnlyDictionary<string, Values> At(double t) => model.Run(
            part.Input!,
            direction.ToDictionary(entry => entry.Key, entry => Perturbing.Times(entry.Value, t / length))).Gradients;
        var (up, down) = (At(H), At(-H));
        return up.ToDictionary(entry => entry.Key, entry => entry.Value with
        {
            Numbers = [.. entry.Value.Numbers.Zip(down[entry.Key].Numbers, (a, b) => (a - b) * length / (2 * H))],
        });
    }
}
