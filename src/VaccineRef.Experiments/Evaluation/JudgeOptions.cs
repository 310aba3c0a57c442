using System.Numerics;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>Settings of a judge. To add a judge, write its file and add a line to the list below.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(RefusalPhraseJudgeOptions), "refusal-phrases")]
[JsonDerivedType(typeof(SyntheticJudgeOptions), "synthetic")]
[JsonDerivedType(typeof(ModerationJudgeOptions), "moderation")]
public abstract record JudgeOptions
{
    /// <summary>Opens the judge. The caller must dispose of it if it is disposable.</summary>
    /// <param name="folder">The folder that paths are relative to.</param>
    /// <param name="device">The device on which the judge runs, if it is a model.</param>
    /// <param name="kept">How the weights of its linear layers are kept.</param>
    /// <exception cref="InputException">The folder does not hold such a judge.</exception>
    public abstract IJudge Open<T>(string folder, Device device, WeightPrecision kept)
        where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Checks the settings before anything is loaded.</summary>
    /// <exception cref="RecipeException">A setting is out of its range.</exception>
    public virtual void Validate(string path)
    {
    }
}

/// <summary>A judge that flags every answer that contains none of a list of refusal phrases.</summary>
public sealed record RefusalPhraseJudgeOptions : JudgeOptions
{
    /// <inheritdoc/>
    public override IJudge Open<T>(string folder, Device device, WeightPrecision kept) => new RefusalPhraseJudge();
}

/// <summary>The exact judge of the synthetic world of a seed, at the world's default sizes.</summary>
/// <param name="WorldSeed">The seed of the world.</param>
public sealed record SyntheticJudgeOptions(ulong WorldSeed) : JudgeOptions
{
    /// <inheritdoc/>
    public override IJudge Open<T>(string folder, Device device, WeightPrecision kept) =>
        new SyntheticJudge(new SyntheticWorld(WorldSeed, new WorldOptions()));
}

/// <summary>A moderation model, which is the kind of judge that the paper uses.</summary>
/// <param name="Path">The folder of the model.</param>
/// <param name="Threshold">
/// The probability above which the judge flags an answer. If it is null, the 0.5 of the released code is used.
/// </param>
public sealed record ModerationJudgeOptions(string Path, double? Threshold = null) : JudgeOptions
{
    /// <inheritdoc/>
    public override IJudge Open<T>(string folder, Device device, WeightPrecision kept) => new ModerationJudge<T>(
        System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, Path)),
        Threshold ?? ModerationJudge<T>.ReleasedThreshold, device, kept);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        if (Threshold is not (null or (> 0 and < 1)))
            throw RecipeException.OutOfRange(
                $"{path}.threshold", NumberText.Of(Threshold.Value), "above 0 and below 1");
    }
}
