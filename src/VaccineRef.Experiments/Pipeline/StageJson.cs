using System.Text.Json.Serialization;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>How stages are written.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(StageResult))]
[JsonSerializable(typeof(DivergedStage))]
internal sealed partial class StageJson : JsonSerializerContext;

/// <summary>How a step is written in steps.jsonl.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(StepRecord))]
internal sealed partial class StepJson : JsonSerializerContext;
