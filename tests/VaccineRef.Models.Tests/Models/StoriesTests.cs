using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Testing;

namespace VaccineRef.Models.Tests;

/// <summary>A real trained checkpoint, in float.</summary>
public sealed class StoriesTests
{
    private const double LogitTolerance = 1e-4, LossTolerance = 1e-5;

    [Fact]
    public void The_trained_model_computes_what_its_golden_file_says()
    {
        string? folder = GoldenCase.Shared(Path.Combine("models", "stories260K"));
        Assert.SkipWhen(folder is null, "VACCINEREF_SHARED does not lead to models/stories260K");
        using var device = new CpuDevice();
        using var model = LanguageModel.Load<float>(folder, device);
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
        int[] ids = Numbers(json, "input_ids", id => id.GetInt32());
        var batch = PackedBatch.Pack([new TokenSequence(ids, ids)]);

        double[] last = model.Logits(batch)[^model.Network.Shape.Vocabulary..];
        Near(Numbers(json, "logits_last_position_f64", x => x.GetDouble()), last, LogitTolerance);
        Near(Numbers(json, "nll_per_token", x => x.GetDouble()), model.TokenLosses(batch)[..^1], LossTolerance);
        Assert.Equal(json.RootElement.GetProperty("mean_nll").GetDouble(), model.Loss(batch), LossTolerance);

        int[] expected = Numbers(json, "greedy_200_ids_after_bos", id => id.GetInt32());
        Assert.Equal(expected, Generator.Generate(model, [[ids[0]]], new(expected.Length))[0]);
    }

    private static void Near(double[] expected, double[] found, double tolerance)
    {
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], found[i], tolerance);
    }

    private static TNumber[] Numbers<TNumber>(JsonDocument json, string key, Func<JsonElement, TNumber> read) =>
        [.. json.RootElement.GetProperty(key).EnumerateArray().Select(read)];
}
