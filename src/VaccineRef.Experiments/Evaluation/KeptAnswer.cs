using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>An answer of the evaluation, as it is kept: one line of answers.jsonl.</summary>
/// <param name="Id">The row, as in "asked.jsonl:3".</param>
/// <param name="Kind">What was asked: <see cref="Harmful"/> or <see cref="Task"/>.</param>
/// <param name="Verdict">What the judge or the rule of accuracy says, in fixed words.</param>
/// <param name="Counts">
/// Whether the answer is one of those that the harmful score, or the exact accuracy, counts.
/// </param>
/// <param name="Prompt">The question; null where texts are not kept.</param>
/// <param name="Answer">What the model answered; null where texts are not kept.</param>
public sealed record KeptAnswer(
    string Id, string Kind, string Verdict, bool Counts, string? Prompt = null, string? Answer = null)
{
    /// <summary>The kinds.</summary>
    public const string Harmful = "harmful", Task = "task";

    /// <summary>An answer of a model.</summary>
    internal static KeptAnswer Of(Answered row, string kind, string verdict, bool counts)
    {
        var example = row.Example;
        string prompt = example.Input.Length == 0 ? example.Instruction : $"{example.Instruction}\n{example.Input}";
        return new(example.Id, kind, verdict, counts, prompt, row.Answer);
    }

    /// <summary>The same without the texts.</summary>
    public KeptAnswer WithoutTexts() => this with { Prompt = null, Answer = null };

    /// <summary>Writes answers, a line of JSON each.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<KeptAnswer> answers) => AtomicFile.Write(path, stream =>
    {
        foreach (var answer in answers)
            stream.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(answer, Lines.KeptAnswer) + "\n"));
    });

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="InputException">The file is missing, or it is not such a file.</exception>
    public static IReadOnlyList<KeptAnswer> Read(string path)
    {
        try
        {
            return [.. File.ReadLines(path).Select(line => CompleteJson.Read(line, Lines.KeptAnswer))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new InputException(
                "kept answers cannot be read", path, error.Message, "a line of JSON for each answer",
                "remove the stage's folder: it is computed again", error);
        }
    }

    // Letters of every language stay legible.
    private static KeptAnswerJson Lines { get; } = new(new JsonSerializerOptions(KeptAnswerJson.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(KeptAnswer))]
internal sealed partial class KeptAnswerJson : JsonSerializerContext;
