using System.Numerics;
using System.Text.Json.Serialization;
using VaccineRef.Core;

namespace VaccineRef.Training;

/// <summary>
/// What a recipe says of a gradient rule: which one, and its settings. A record for each rule, beside the rule itself.
/// To add a rule, write its file and add its line to the list below.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(PlainOptions), "plain")]
[JsonDerivedType(typeof(VaccineOptions), "vaccine")]
[JsonDerivedType(typeof(AcceleratedVaccineOptions), "accelerated_vaccine")]
[JsonDerivedType(typeof(RandomPerturbationOptions), "random")]
[JsonDerivedType(typeof(RandomDirectionOptions), "random_direction")]
[JsonDerivedType(typeof(PgdVaccineOptions), "pgd_vaccine")]
[JsonDerivedType(typeof(AdaptiveVaccineOptions), "adaptive_vaccine")]
[JsonDerivedType(typeof(RandomLayersOptions), "random_layers")]
[JsonDerivedType(typeof(TVaccineOptions), "t_vaccine")]
[JsonDerivedType(typeof(OasisOptions), "oasis")]
[JsonDerivedType(typeof(LatOptions), "lat")]
[JsonDerivedType(typeof(SamOptions), "sam")]
[JsonDerivedType(typeof(AsamOptions), "asam")]
[JsonDerivedType(typeof(BoosterOptions), "booster")]
[JsonDerivedType(typeof(BoosterOnEmbeddingsOptions), "booster_on_embeddings")]
[JsonDerivedType(typeof(PanaceaOptions), "panacea")]
[JsonDerivedType(typeof(VaaOptions), "vaa")]
[JsonDerivedType(typeof(RebellionOptions), "rebellion")]
[JsonDerivedType(typeof(LisaOptions), "lisa")]
[JsonDerivedType(typeof(SafeGradOptions), "safe_grad")]
[JsonDerivedType(typeof(SeamOptions), "seam")]
[JsonDerivedType(typeof(RepNoiseOptions), "rep_noise")]
[JsonDerivedType(typeof(TarOptions), "tar")]
[JsonDerivedType(typeof(SurgeryOptions), "surgery")]
[JsonDerivedType(typeof(SbrOptions), "sbr")]
public abstract record RuleOptions
{
    /// <summary>The rule with its settings, as tables name it: "Vaccine, rho = 1".</summary>
    public abstract string Label();

    /// <summary>How many passes through the model a step takes, on average over the steps.</summary>
    public abstract PassCount Passes();

    /// <summary>
    /// The data that the rule needs beside the stage's own, by name (<see cref="StreamName"/>). A recipe gives these
    /// and no others.
    /// </summary>
    public virtual IReadOnlyList<string> Streams() => [];

    /// <inheritdoc cref="IGradientRule{T}.Undivided"/>
    [JsonIgnore]
    public virtual string? Undivided => null;

    /// <summary>Makes the rule on a device. Dispose of the rule where it is disposable.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public abstract IGradientRule<T> Make<T>(Device device) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Checks the settings before anything is loaded.</summary>
    /// <param name="path">Where the settings stand in the recipe; the error names it.</param>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public virtual void Validate(string path)
    {
    }

    /// <summary>Checks that a setting is a whole number of at least 1.</summary>
    /// <exception cref="InputException">It is not.</exception>
    protected static void RequireCount(int value, string where, string what)
    {
        if (value < 1)
            throw new InputException(what, where, $"{value}", "a whole number, at least 1");
    }

    /// <summary>Checks that a setting is a finite number that is not negative.</summary>
    /// <exception cref="InputException">It is not.</exception>
    protected static void RequireFinite(double value, string where, string what)
    {
        if (value is not (>= 0 and < double.PositiveInfinity))
            throw new InputException(what, where, NumberText.Of(value), "a finite number, at least 0");
    }
}

/// <summary>Passes through a model in a step.</summary>
/// <param name="Forwards">Forward passes.</param>
/// <param name="Reverses">Reverse passes, each either to the hidden embeddings or to the trained parameters.</param>
public readonly record struct PassCount(double Forwards, double Reverses);
