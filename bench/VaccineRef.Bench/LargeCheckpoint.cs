using System.Diagnostics;
using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Bench;

/// <summary>
/// A checkpoint of Llama 2 7B's width with random weights and few blocks, for measuring what reading it takes.
/// </summary>
internal static class LargeCheckpoint
{
    private const double MiB = 1 << 20;
    private const long Shard = 1L << 29;
    private const double Deviation = 0.02;

    /// <summary>
    /// Writes it in shards of half a gigabyte, a tensor at a time, with a tokenizer that has a token for each byte.
    /// </summary>
    /// <param name="folder">A folder that does not exist.</param>
    /// <param name="layers">Blocks, of 32.</param>
    /// <param name="type">The type of the weights in the files.</param>
    public static void Write(string folder, int layers, TensorType type)
    {
        var config = (StepShape.Llama7B with { Layers = layers, Length = 4096 }).Config();
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, ConfigReader.FileName), config.Raw.Span);
        File.WriteAllText(Path.Combine(folder, "vocab.json"), JsonSerializer.Serialize(Vocabulary()));
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n");
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """{ "tokenizer_class": "GPT2Tokenizer" }""");
        using var device = new CpuDevice();
        using var room = new Arena(device);
        using var counted = new DryDevice();
        using var model = LanguageModel.Create<float>(config, counted, RandomStream.FromSeed(1));
        SafetensorsWriter.WriteSharded(folder, [.. model.Network.Parameters.Select(parameter => TensorData.Floats<float>(
            parameter.Name, type, [.. parameter.Dimensions], () => Normal(parameter, room)))], Shard);
    }

    /// <summary>
    /// Loads it, matrices in bfloat16, and prints what the weights take and what the process took for it at most.
    /// </summary>
    public static void Load(string folder)
    {
        using var device = new CpuDevice();
        Process.GetCurrentProcess().Refresh();
        long before = Process.GetCurrentProcess().WorkingSet64;
        var watch = Stopwatch.StartNew();
        using var model = LanguageModel.Load<float>(folder, device, WeightPrecision.Bf16);
        double seconds = watch.Elapsed.TotalSeconds;
        using var now = Process.GetCurrentProcess();
        long files = Directory.EnumerateFiles(folder, "*.safetensors").Sum(path => new FileInfo(path).Length);
        Console.WriteLine(
            $"files {files / MiB:F0} MiB in {Directory.GetFiles(folder, "*.safetensors").Length}; weights as kept {model.Bytes / MiB:F0} MiB; "
            + $"process before {before / MiB:F0} MiB, at most {now.PeakWorkingSet64 / MiB:F0} MiB: weights and "
            + $"{(now.PeakWorkingSet64 - before - model.Bytes) / MiB:F0} MiB; {seconds:F1} s");
    }

    private static ReadOnlySpan<float> Normal(Parameter<float> parameter, Arena room)
    {
        room.Rewind();
        var values = room.Allocate<float>(parameter.Shape);
        room.Device.Run(new FillNormal<float>(RandomStream.FromSeed(1).At(parameter.Name), Deviation), values);
        return values.Span;
    }

    /// <summary>A token for each byte under the character that GPT-2 writes it with, and the end of text.</summary>
    private static Dictionary<string, int> Vocabulary()
    {
        static bool Prints(int b) => b is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174;
        int[] hidden = [.. Enumerable.Range(0, 256).Where(b => !Prints(b))];
        var vocabulary = Enumerable.Range(0, 256).ToDictionary(
            b => $"{(char)(Prints(b) ? b : 256 + Array.IndexOf(hidden, b))}", b => b);
        vocabulary.Add("<|endoftext|>", 256);
        return vocabulary;
    }
}
