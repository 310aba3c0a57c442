using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Models;

namespace VaccineRef.Cli;

/// <summary>What the command evaluate found, as it is written for programs.</summary>
/// <param name="Model">The model folder with its adapters, or the run and its stage.</param>
/// <param name="Data">The data file; null where the run's own evaluation was repeated.</param>
/// <param name="Measured">Scores, and losses where the run's own evaluation was repeated.</param>
/// <param name="Warnings">What the adapters ask for and do not do.</param>
internal sealed record EvaluationRecord(
    string Model, string? Data, Measurement Measured, IReadOnlyList<string> Warnings)
{
    private static readonly EvaluationJson Form = new(new JsonSerializerOptions(EvaluationJson.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>Writes it.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public void Write(string path) =>
        AtomicFile.WriteText(path, JsonSerializer.Serialize(this, Form.EvaluationRecord) + "\n");
}

[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(EvaluationRecord))]
internal sealed partial class EvaluationJson : JsonSerializerContext;
