using System.Numerics;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// What a recipe says of an objective: which one, and its settings. A record for each objective, beside the objective
/// itself. To add one, write its file and add its line to the list below.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(CrossEntropyOptions), "cross_entropy")]
[JsonDerivedType(typeof(EwcOptions), "ewc")]
[JsonDerivedType(typeof(KlOptions), "kl")]
[JsonDerivedType(typeof(LdifsOptions), "ldifs")]
[JsonDerivedType(typeof(AsftOptions), "asft")]
[JsonDerivedType(typeof(EarlyTokensOptions), "early_tokens")]
[JsonDerivedType(typeof(AlignedKlOptions), "aligned_kl")]
public abstract record ObjectiveOptions
{
    /// <summary>The objective with its settings, as tables name it: "EWC, lambda = 1e9".</summary>
    public abstract string Label();

    /// <summary>Whether the objective looks at the data of the stage before its own.</summary>
    public virtual bool NeedsReference() => false;

    /// <summary>Earlier stages whose weights the objective looks at, by name.</summary>
    public virtual IReadOnlyList<string> References() => [];

    /// <summary>Makes the objective. Dispose of it where it is disposable.</summary>
    public abstract IObjective<T> Make<T>(ObjectiveContext<T> context) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Checks the settings before anything is loaded.</summary>
    /// <param name="path">Where the settings stand in the recipe; the error names it.</param>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public virtual void Validate(string path)
    {
    }

    /// <summary>Checks that the weight of a penalty is a finite number that is not negative.</summary>
    /// <exception cref="InputException">It is not.</exception>
    protected static void RequireWeight(double lambda, string path)
    {
        if (lambda is not (>= 0 and < double.PositiveInfinity))
            throw new InputException(
                "lambda is no weight", $"{path}.lambda", NumberText.Of(lambda), "a finite number, at least 0");
    }
}

/// <summary>What an objective is made from.</summary>
/// <param name="Model">The model as it is when the stage begins; what is trainable is what the stage trains.</param>
/// <param name="Reference">The data of the stage before; read when it is asked for.</param>
/// <param name="BatchSize">The sequences in a batch of the stage.</param>
/// <param name="At">
/// Loads the model that an earlier stage ended with, its adapter merged, for who asks for it by
/// <see cref="ObjectiveOptions.References"/> and disposes it.
/// </param>
public sealed record ObjectiveContext<T>(
    Model<T> Model, Func<IReadOnlyList<TokenSequence>> Reference, int BatchSize, Func<string, Model<T>> At)
    where T : unmanaged, IFloatingPointIeee754<T>;

/// <summary>The language-model loss has no settings.</summary>
public sealed record CrossEntropyOptions : ObjectiveOptions
{
    /// <inheritdoc/>
    public override string Label() => "cross-entropy";

    /// <inheritdoc/>
    public override IObjective<T> Make<T>(ObjectiveContext<T> context) =>
        new CrossEntropyObjective<T>(context.Model.Network);
}
