using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;
using VaccineRef.Core;
using VaccineRef.Gpu;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Cli.Commands;

/// <summary>
/// The command vaccine bench: times a plain and a Vaccine training step of a random Llama model, side by side.
/// </summary>
internal static class BenchCommand
{
    private static readonly Option<int> Vocabulary = CommonOptions.Count("--vocab", "Vocabulary size.", 4096),
        Hidden = CommonOptions.Count("--hidden", "Hidden size.", 384),
        Layers = CommonOptions.Count("--layers", "Blocks.", 6),
        Heads = CommonOptions.Count("--heads", "Attention heads.", 6),
        KeyValueHeads = CommonOptions.Count("--kv-heads", "Key/value heads; 0 means as many as heads.", 0, least: 0),
        FeedForward = CommonOptions.Count("--ffn", "Feed-forward size.", 1024),
        Batch = CommonOptions.Count("--batch", "Sequences.", 8),
        Length = CommonOptions.Count("--length", "Tokens of each sequence; the first half is prompt.", 256, least: 2),
        Rank = CommonOptions.Count("--lora", "Rank of LoRA on all projections; 0 trains every weight.", 0, least: 0),
        Steps = CommonOptions.Count("--steps", "Counted steps, after two to warm up.", 7),
        Generate = CommonOptions.Count(
            "--generate", "Time greedy decoding of so many tokens instead; 0 times steps.", 0, least: 0),
        Prompts = CommonOptions.Count("--prompts", "Prompts to decode at once.", 1);

    private static readonly Option<string?> Folder =
        new("--model") { Description = "Decode with this Hugging Face folder instead of a random model.", HelpName = "DIR" };

    private static readonly JsonOption Json = new();

    private static readonly Option<bool> Recompute =
        new("--recompute") { Description = "Compute blocks again in reverse, instead of keeping them." };

    private static readonly Option<WeightPrecision> Kept = CommonOptions.Weights();

    private static readonly DeviceOptions Where = new();

    public static Command Create()
    {
        var command = new Command("bench", "Time a plain and a Vaccine step, interleaved, on a random Llama in float; or decoding.")
        {
            Vocabulary, Hidden, Layers, Heads, KeyValueHeads, FeedForward, Batch, Length, Rank, Kept, Steps, Recompute,
            Generate, Prompts, Folder, Json.Option,
        };
        Where.AddTo(command);
        command.AddExamples(
            "vaccine bench --steps 3",
            "vaccine bench --hidden 768 --layers 12 --heads 12 --ffn 2048 --lora 8 --recompute --json");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            if (parsed.GetValue(Generate) > 0)
                return Decode(parsed, cancel);
            if (parsed.GetValue(Folder) is { } folder)
                throw new InputException(
                    "only decoding is timed on a given model", "--model", folder, "--generate N beside it");
            var result = Measure(parsed, cancel);
            if (!Json.Prints(parsed))
                Print(result);
            Json.Write(parsed, () => JsonSerializer.Serialize(result, BenchJson.Default.BenchResult));
            return ExitCode.Done;
        }));
        return command;
    }

    private static int Decode(ParseResult parsed, CancellationToken cancel)
    {
        using var device = Where.Open(parsed);
        using var model = parsed.GetValue(Folder) is { } folder
            ? LanguageModel.Load<float>(folder, device, parsed.GetValue(Kept))
            : LanguageModel.Create<float>(
                Architecture(parsed), device, RandomStream.FromSeed(1), parsed.GetValue(Kept));
        var result = DecodeTiming.Of(
            model, parsed.GetValue(Prompts), parsed.GetValue(Generate), parsed.GetValue(Steps), cancel);
        Json.Write(parsed, () => JsonSerializer.Serialize(result, BenchJson.Default.DecodeTiming));
        if (!Json.Prints(parsed))
            Terminal.Open().WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{result.Prompts} prompts, {result.Tokens} tokens each, greedy, {Where.Describe(parsed)}: "
                + $"{result.TokensPerSecond:F0} tokens/s in all (median of {result.Runs}; best {result.Best:F0})"));
        return ExitCode.Done;
    }

    private static BenchResult Measure(ParseResult parsed, CancellationToken cancel)
    {
        int Value(Option<int> option) => parsed.GetValue(option);
        using var device = Where.Open(parsed);
        using var model = LanguageModel.Create<float>(
            Architecture(parsed), device, RandomStream.FromSeed(1), parsed.GetValue(Kept));
        if (Value(Rank) > 0)
            Lora.Attach(
                model, new AdapterConfig(Value(Rank), 2.0 * Value(Rank), TargetModules.AllLinear),
                RandomStream.FromSeed(2));
        var batch = RandomBatch(Value(Vocabulary), Value(Batch), Value(Length));
        var objective = new CrossEntropyObjective<float>(model.Network);
        var plain = new Plain<float>();
        using var vaccine = new Vaccine<float>(new VaccineOptions(2), device);
        var options = new StepOptions(
            new AdamWOptions(1e-4, WeightDecay: 0.1), Seed: 3, Recompute: parsed.GetValue(Recompute));
        using var training = new TrainStep<float>(model.Trainable, objective, plain, options, device);
        var times = StepTiming.InTurn(training, [plain, vaccine], batch, Value(Steps), cancel);
        return new(
            times[0], times[1], Where.Describe(parsed), Value(Steps), batch.Rows,
            model.Network.Parameters.Sum(parameter => parameter.Shape.Count),
            model.Trainable.Sum(parameter => parameter.Shape.Count),
            device is GpuDevice gpu ? gpu.PeakBytes : Process.GetCurrentProcess().PeakWorkingSet64);
    }

    private static ConfigReader Architecture(ParseResult parsed)
    {
        int heads = parsed.GetValue(Heads), keyValueHeads = parsed.GetValue(KeyValueHeads);
        return ConfigReader.Parse(Encoding.UTF8.GetBytes(
            $$"""
            {
              "model_type": "llama", "vocab_size": {{parsed.GetValue(Vocabulary)}}, "hidden_size": {{parsed.GetValue(Hidden)}},
              "intermediate_size": {{parsed.GetValue(FeedForward)}}, "num_hidden_layers": {{parsed.GetValue(Layers)}},
              "num_attention_heads": {{heads}}, "num_key_value_heads": {{(keyValueHeads == 0 ? heads : keyValueHeads)}},
              "max_position_embeddings": {{Math.Max(parsed.GetValue(Length), parsed.GetValue(Generate))}}, "rms_norm_eps": 1e-5, "tie_word_embeddings": false
            }
            """), "the options of vaccine bench");
    }

    private static PackedBatch RandomBatch(int vocabulary, int sequences, int length)
    {
        var random = RandomStream.FromSeed(4);
        return PackedBatch.Pack([.. Enumerable.Range(0, sequences).Select(sequence =>
        {
            int[] tokens = [.. Enumerable.Range(0, length)
                .Select(t => random.Below(vocabulary, (sequence * length) + t))];
            int[] labels = [.. tokens.Select((token, t) => t < length / 2 ? PackedBatch.Ignored : token)];
            return new TokenSequence(tokens, labels, $"{sequence}");
        })]);
    }

    private static void Print(BenchResult result)
    {
        static string[] Row(string step, StepTiming time) =>
            [step, $"{time.MedianMs:F1}", $"{time.MinMs:F1}", $"{time.TokensPerSecond:F0}"];
        var console = Terminal.Open();
        Tables.Write(
            console, ["step", "median ms", "min ms", "tokens/s"],
            [Row("plain", result.Plain), Row("vaccine", result.Vaccine)]);
        console.WriteLine($"vaccine / plain {result.Vaccine.MedianMs / result.Plain.MedianMs:F2}; {result.Device}; {result.Tokens} tokens");
        console.WriteLine(
            $"{result.Parameters:N0} parameters, {result.Trainable:N0} trainable; peak memory {result.PeakBytes / 1048576.0:F0} MiB");
    }
}

/// <summary>
/// What vaccine bench measured. The peak memory covers both kinds of step. It is that of the process, or the memory
/// that is reserved on the GPU.
/// </summary>
internal sealed record BenchResult(
    StepTiming Plain, StepTiming Vaccine, string Device, int Steps, int Tokens, long Parameters, long Trainable,
    long PeakBytes);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(BenchResult))]
[JsonSerializable(typeof(DecodeTiming))]
internal sealed partial class BenchJson : JsonSerializerContext;
