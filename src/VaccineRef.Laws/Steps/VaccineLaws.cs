using VaccineRef.Core;

namespace VaccineRef.Laws;

/// <summary>
/// The laws of a Vaccine step, over anybody's implementation of it:
/// <code>
/// VaccineLaws.Check(new MyStep(), "my step");
/// </code>
/// </summary>
public static class VaccineLaws
{
    /// <summary>The laws. The first seven need nothing but <see cref="IVaccineStep.Perturb"/>.</summary>
    public static IReadOnlyList<Law<IVaccineStep, StepCase>> All { get; } =
    [
        Law("norm bound", "||eps|| is rho, but for the guard, and never more", PerturbLaws.NormBound),
        Law("rise", "<g, eps> = rho ||g||, but for the guard", PerturbLaws.Rise),
        Law("no better direction", "no direction of the same length raises the linearised loss more",
            PerturbLaws.NoBetterDirection),
        Law("scale invariance", "eps does not change with the scale of the loss", PerturbLaws.ScaleInvariance),
        Law("order of layers", "eps does not change with the order of the layers", PerturbLaws.OrderOfLayers),
        Law("zero gradient", "where the gradient is 0, eps is 0", PerturbLaws.ZeroGradient, most: 10),
        Law("rho zero", "where rho is 0, eps is 0", PerturbLaws.RhoZero, most: 10),
        Law("site gradients", "the gradients at the sites are the slopes of the loss in eps", ModelLaws.SiteGradients,
            most: 10),
        Law("second pass", "the step's gradient is the slope of the loss with eps held", ModelLaws.SecondPass,
            most: 10),
        Law("plain at rho zero", "where rho is 0, the step's gradient is that of the loss itself",
            ModelLaws.PlainAtRhoZero, most: 10),
        Law("linear loss", "a loss linear in the embeddings rises by exactly rho ||g||", ModelLaws.LinearLoss,
            StepModel.Linear, most: 20),
        Law("accumulation", "micro-batches add up with their scales", ModelLaws.Accumulation, most: 15),
        Law("leaves the model alone", "after a step the model computes what it did", ModelLaws.LeavesTheModelAlone,
            most: 10),
        Law("passes", "a step is two forward and two reverse passes", ModelLaws.Passes, most: 5),
        Law("merge", "a merged adapter computes the same, from the weights alone, and so does an unmerged one",
            ModelLaws.Merge, StepModel.Adapted, most: 10),
    ];

    /// <summary>The law of this name.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static Law<IVaccineStep, StepCase> Named(string name) => All.FirstOrDefault(law => law.Name == name)
        ?? throw new InputException(
            "there is no such law of a step", "law", name, string.Join(", ", All.Select(law => law.Name)));

    /// <summary>Checks every law on a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="name">How results call it.</param>
    /// <param name="options">Seed and number of cases.</param>
    /// <returns>What was checked, and what was not because the step does not offer what the law needs.</returns>
    /// <exception cref="LawException">A law is broken. The message has the seed and the smallest case.</exception>
    public static IReadOnlyList<LawResult> Check(IVaccineStep step, string name, LawOptions? options = null) =>
        LawException.ThrowIfBroken([.. Run(step, name, options)]);

    /// <summary>Checks every law on a step, and throws nothing where one is broken.</summary>
    /// <inheritdoc cref="Check" path="/param"/>
    public static IEnumerable<LawResult> Run(IVaccineStep step, string name, LawOptions? options = null) =>
        All.Select(law => law.Run(step, name, options));

    private static Law<IVaccineStep, StepCase> Law(
        string name, string says, Action<IVaccineStep, StepCase> check, StepModel model = StepModel.Any,
        int most = 40) =>
        new(name, says, most, StepCaseArbitrary.StepCase(model), check);
}
