using System.Text.Json;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Runs;

/// <summary>What was measured of the model at one moment of a run.</summary>
/// <param name="Moment">"base", "aligned" or "attacked".</param>
/// <param name="Scores">Harmful scores and accuracies, each with numerator, denominator, judge, template, generation.</param>
/// <param name="AlignmentLoss">Nats per counted token of the alignment data; null without an alignment stage.</param>
/// <param name="Drift">Of the hidden embeddings since the alignment; null before the attack.</param>
public sealed record Measurement(string Moment, IReadOnlyList<Score> Scores, double? AlignmentLoss, Drift? Drift);

/// <summary>A training stage and what it did.</summary>
/// <param name="Stage">"alignment" or "attack".</param>
/// <param name="Rule">The gradient rule.</param>
/// <param name="Trainable">Trained numbers.</param>
/// <param name="Report">Steps, time, tokens, passes, memory.</param>
public sealed record TrainedStage(string Stage, string Rule, long Trainable, TrainReport Report);

/// <summary>Everything a run found: report.json.</summary>
/// <param name="Name">The recipe's name.</param>
/// <param name="Method">The alignment's method with its settings, for tables.</param>
/// <param name="HarmfulRatio">p of the attack; null without one.</param>
/// <param name="Samples">n of the attack.</param>
/// <param name="Seed">The recipe's seed.</param>
/// <param name="Model">Family and parameter count.</param>
/// <param name="Stages">The training stages.</param>
/// <param name="Measurements">What was measured, in order.</param>
/// <param name="Interrupted">Whether the run was stopped before its end.</param>
public sealed record RunReport(
    string Name, string Method, decimal? HarmfulRatio, int? Samples, ulong Seed, string Model,
    IReadOnlyList<TrainedStage> Stages, IReadOnlyList<Measurement> Measurements, bool Interrupted)
{
    /// <summary>The report as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, RunJson.Default.RunReport) + "\n";

    /// <summary>One line of steps.jsonl.</summary>
    public static string Line(StepLine line) => JsonSerializer.Serialize(line, StepJson.Default.StepLine);

    /// <summary>Reads the report of a run folder.</summary>
    /// <exception cref="InputException">There is none, or it is not one.</exception>
    public static RunReport Read(string folder)
    {
        string path = Path.Combine(folder, RunFolder.Report);
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), RunJson.Default.RunReport) ?? throw new JsonException("null");
        }
        catch (Exception error) when (error is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new InputException("this is no finished run", path, error.Message, $"a folder written by vaccine run", inner: error);
        }
    }
}

/// <summary>A step of a stage, as it stands in steps.jsonl.</summary>
/// <param name="Stage">"alignment" or "attack".</param>
/// <param name="Step">The step.</param>
public sealed record StepLine(string Stage, StepRecord Step);

[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(RunReport))]
internal sealed partial class RunJson : JsonSerializerContext;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(StepLine))]
internal sealed partial class StepJson : JsonSerializerContext;
