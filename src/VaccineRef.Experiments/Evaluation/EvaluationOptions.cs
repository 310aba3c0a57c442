using System.Numerics;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>
/// What a recipe says of measuring. To add an evaluation, write its file and add its line to the list below.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(HeldOutOptions), "held_out")]
[JsonDerivedType(typeof(WorldEvaluationOptions), "world")]
public abstract record EvaluationOptions
{
    /// <summary>Points of the curve over the attack's steps, step 0 not counted; 0 draws none.</summary>
    public int CurvePoints { get; set; }

    /// <summary>Steps of a stage at which its perturbation is measured token by token; 0 measures none.</summary>
    public int PerturbationPoints { get; set; }

    /// <summary>Prompts of each kind whose hidden embeddings are laid out in two dimensions; 0 for none.</summary>
    public int ProjectedPrompts { get; set; }

    /// <summary>Opens the evaluation for a trial.</summary>
    /// <param name="reader">The data of the trial.</param>
    /// <param name="probe">The stage whose data forgetting and drift are measured on; null where there is none.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="kept">How the weights of a judge that is a model are kept.</param>
    /// <exception cref="InputException">A file or a judge is wrong.</exception>
    public abstract IEvaluation<T> Open<T>(DataReader reader, TrainStageOptions? probe, Device device, WeightPrecision kept)
        where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>The rows that no training may see.</summary>
    /// <exception cref="InputException">A file, a row or a count is wrong.</exception>
    public abstract IEnumerable<Example> HeldOut(DataReader reader);

    /// <summary>Whether the questions come from the synthetic world.</summary>
    public virtual bool NeedsWorld() => false;

    /// <summary>Checks the settings before anything is read.</summary>
    /// <exception cref="RecipeException">A setting is out of its range.</exception>
    public virtual void Validate(string path)
    {
        foreach (var (name, value) in ((string, int)[])[
            ("curve_points", CurvePoints), ("perturbation_points", PerturbationPoints), ("projected_prompts", ProjectedPrompts)])
            if (value < 0)
                throw RecipeException.OutOfRange($"{path}.{name}", value, "0 for none, or how many");
    }
}

/// <summary>Measures models on questions that no training has seen.</summary>
public interface IEvaluation<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Rows of the alignment data on which forgetting and drift are measured.</summary>
    IReadOnlyList<TokenSequence> Probe { get; }

    /// <summary>Measures everything but the drift and the length of hidden embeddings, which the pipeline adds.</summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    Measurement Measure(Model<T> model, CancellationToken cancel);

    /// <summary>Measures what a point of the curve over the attack's steps shows.</summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    Measurement MeasureBriefly(Model<T> model, CancellationToken cancel);

    /// <summary>Requires that everything that is asked and read fits into a model's context.</summary>
    /// <param name="context">The most tokens of a sequence.</param>
    /// <exception cref="InputException">A row is too long; it is named.</exception>
    void RequireContext(int context)
    {
    }

    /// <summary>Questions without answers, for a picture of hidden embeddings.</summary>
    IReadOnlyList<int[]> Prompts(bool harmful);
}
