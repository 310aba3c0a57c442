using System.Numerics;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// What the provider does while the user's data are trained on: the paper's fine-tuning-stage baselines. A setting that the kind does
/// not have is an error.
/// </summary>
public sealed record DefenseChoice
{
    /// <summary>ewc, kl or vlguard.</summary>
    public required string Kind { get; init; }

    /// <summary>ewc, kl: the weight of what is added to the loss.</summary>
    public double? Lambda { get; set; }

    /// <summary>ewc: which estimate of the Fisher information; kl: which divergence. The paper's unless said otherwise.</summary>
    public Variant? Variant { get; set; }

    /// <summary>vlguard: how many alignment rows are mixed into the user's data, besides them.</summary>
    public int? Count { get; set; }

    /// <inheritdoc/>
    public override string ToString()
    {
        string weight = Lambda is { } lambda ? FormattableString.Invariant($" lambda={lambda}") : "";
        string form = Variant == Training.Variant.AsReleased ? ", as released" : "";
        return $"{Kind}{weight}{form}{(Count is { } count ? FormattableString.Invariant($" count={count}") : "")}";
    }
}

/// <summary>Makes objectives from what a recipe says of the fine-tuning stage.</summary>
public static class Defenses
{
    private const string Ewc = "ewc", Kl = "kl", VlGuard = "vlguard";

    private static readonly string[] Kinds = [Ewc, Kl, VlGuard];

    /// <summary>Checks that a choice has the settings of its kind, and no others.</summary>
    /// <exception cref="RecipeException">The kind is unknown, lacks a setting, or is given one that it does not have.</exception>
    public static void Require(DefenseChoice choice, string path)
    {
        if (!Kinds.Contains(choice.Kind))
            throw new RecipeException(
                "unknown defense", $"{path}.kind", choice.Kind, string.Join(", ", Kinds), RecipeReader.DidYouMean(choice.Kind, Kinds));
        bool mixes = choice.Kind == VlGuard;
        (string Name, bool Given, bool Allowed, bool Needed)[] settings =
        [
            ("lambda", choice.Lambda is not null, !mixes, !mixes), ("count", choice.Count is not null, mixes, mixes),
            ("variant", choice.Variant is not null, !mixes, false),
        ];
        foreach (var (name, given, allowed, needed) in settings)
            if (given ? !allowed : needed)
                throw new RecipeException(
                    given ? $"the defense {choice.Kind} has no such setting" : $"the defense {choice.Kind} needs a setting",
                    $"{path}.{name}", given ? name : "nothing", given ? "nothing" : "a number",
                    given ? "remove it, or choose another defense" : null);
        if (choice.Lambda is { } lambda && lambda is not (>= 0 and < double.PositiveInfinity))
            throw new RecipeException("lambda is no weight", $"{path}.lambda", $"{lambda}", "a finite number, at least 0");
        if (choice.Count is < 1)
            throw new RecipeException("there is nothing to mix in", $"{path}.count", $"{choice.Count}", "at least 1");
    }

    /// <summary>
    /// What is minimised in the fine-tuning stage: cross-entropy, and what the choice adds to it. An objective that holds memory is
    /// disposable. Call it when the model is as the stage begins with it, its adapter attached.
    /// </summary>
    /// <param name="choice">The choice; null is none.</param>
    /// <param name="model">The model.</param>
    /// <param name="alignment">The alignment data, on which EWC's Fisher information is estimated.</param>
    /// <param name="batchSize">Sequences of a batch of the released estimate.</param>
    public static IObjective<T> Objective<T>(
        DefenseChoice? choice, Model<T> model, IReadOnlyList<TokenSequence> alignment, int batchSize)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var loss = new CrossEntropyObjective<T>(model.Network);
        var form = choice?.Variant ?? Variant.Paper;
        switch (choice?.Kind)
        {
            case Ewc:
                var batches = alignment.Chunk(form == Variant.Paper ? 1 : batchSize).Select(PackedBatch.Pack).ToArray();
                var fisher = FisherDiagonal<T>.Estimate(loss, model.Trainable, batches, form, model.Device);
                return new EwcObjective<T>(loss, model.Trainable, fisher, choice.Lambda!.Value, model.Device);
            case Kl:
                return new KlObjective<T>(model.Network, model.Trainable, choice.Lambda!.Value, form, model.Device);
            default:
                return loss;
        }
    }

    /// <summary>How many alignment rows are mixed into the user's data.</summary>
    public static int Guards(DefenseChoice? choice) => choice?.Kind == VlGuard ? choice.Count!.Value : 0;

    /// <summary>Whether a choice cannot do without alignment data.</summary>
    public static bool NeedsAlignment(DefenseChoice choice) => choice.Kind != Kl;
}
