using System.Numerics;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>
/// Settings for how models are measured. To add an evaluation, write its file and add a line to the list below.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(HeldOutOptions), "held_out")]
[JsonDerivedType(typeof(WorldEvaluationOptions), "world")]
public abstract record EvaluationOptions
{
    /// <summary>
    /// The number of points of the curve over the attack's steps, not counting step 0. With 0 no curve is drawn.
    /// </summary>
    public int CurvePoints { get; set; }

    /// <summary>
    /// The number of steps of a stage at which its perturbation is measured token by token. With 0 nothing is measured.
    /// </summary>
    public int PerturbationPoints { get; set; }

    /// <summary>
    /// The number of prompts of each kind whose hidden embeddings are shown in two dimensions. With 0 nothing is shown.
    /// </summary>
    public int ProjectedPrompts { get; set; }

    /// <summary>
    /// Whether it is measured in which directions an attack moves the hidden embeddings
    /// (<see cref="Training.DriftGeometry"/>). The report then shows what goes with a high HS. It takes 8 C^2 bytes and
    /// as many multiplications a token and layer, C being the model's width.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool DriftGeometry { get; set; }

    /// <summary>
    /// How far the hidden embeddings are moved to measure how much the alignment loss rises
    /// (<see cref="Training.Sharpness"/>), as a share of their length. The report then shows what goes with a high HS.
    /// With 0 nothing is measured.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public double Sharpness { get; set; }

    /// <summary>
    /// Whether answers.jsonl holds the texts of questions and answers beside the verdicts. By default it does for what
    /// is made by code, and does not for what comes from files.
    /// </summary>
    public bool? KeepAnswers { get; set; }

    /// <summary>Whether texts are kept.</summary>
    public virtual bool KeepsTexts() => KeepAnswers ?? false;

    /// <summary>Prepares the evaluation for a trial.</summary>
    /// <param name="reader">Provides the data of the trial.</param>
    /// <param name="probe">The stage on whose data forgetting and drift are measured. Null if there is none.</param>
    /// <param name="device">The device on which the evaluation runs.</param>
    /// <param name="kept">How the weights of the judge are kept, if the judge is a model.</param>
    /// <param name="ranks">Among whom the work is divided; every rank measures the same bits.</param>
    /// <exception cref="InputException">Something is wrong with a file or a judge.</exception>
    public abstract IEvaluation<T> Open<T>(
        DataReader reader, TrainStageOptions? probe, Device device, WeightPrecision kept, ICommunicator ranks)
        where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>
    /// The held-out rows. Rows that have one of their prompts are removed from the data of an attack.
    /// </summary>
    /// <exception cref="InputException">A file, a row or a count is wrong.</exception>
    public abstract IEnumerable<Example> HeldOut(DataReader reader);

    /// <summary>Whether the questions come from the synthetic world.</summary>
    public virtual bool NeedsWorld() => false;

    /// <summary>The files that are read, each with the key under which it stands in these settings.</summary>
    public virtual IEnumerable<(string Key, FileDataOptions File)> Files() => [];

    /// <summary>Checks the settings before anything is read.</summary>
    /// <exception cref="RecipeException">A setting is out of its range.</exception>
    public virtual void Validate(string path)
    {
        foreach (var (name, value) in ((string, int)[])[
            ("curve_points", CurvePoints), ("perturbation_points", PerturbationPoints),
            ("projected_prompts", ProjectedPrompts)])
            if (value < 0)
                throw RecipeException.OutOfRange($"{path}.{name}", value, "0 for none, or how many");
    }
}

/// <summary>Measures models on questions that occur in no training data.</summary>
public interface IEvaluation<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The rows of the alignment data on which forgetting and drift are measured.</summary>
    IReadOnlyList<TokenSequence> Probe { get; }

    /// <summary>
    /// Measures everything except the drift and the length of hidden embeddings, which the pipeline adds.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="answers">Receives every answer with its verdict; null where nobody wants them.</param>
    /// <param name="cancel">Cancels the work.</param>
    /// <param name="answered">Told how many questions are answered, of how many; null for nobody.</param>
    /// <exception cref="OperationCanceledException">The evaluation was cancelled.</exception>
    Measurement Measure(
        Model<T> model, ICollection<KeptAnswer>? answers, CancellationToken cancel, Action<int, int>? answered = null);

    /// <summary>Measures only what a point of the curve over the attack's steps shows.</summary>
    /// <exception cref="OperationCanceledException">The evaluation was cancelled.</exception>
    Measurement MeasureBriefly(Model<T> model, CancellationToken cancel, Action<int, int>? answered = null);

    /// <summary>What is asked and read and does not fit into a model's context: an error for each row.</summary>
    /// <param name="context">The most tokens of a sequence.</param>
    IEnumerable<DataException> BeyondContext(int context) => [];

    /// <summary>The prompts of the questions without answers. Their hidden embeddings are shown in a picture.</summary>
    IReadOnlyList<int[]> Prompts(bool harmful);
}
