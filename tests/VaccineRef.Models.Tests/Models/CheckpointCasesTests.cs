using System.Text.Json.Nodes;
using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

/// <summary>Small model folders that went wrong once have their right outcome.</summary>
public sealed class CheckpointCasesTests : IDisposable
{
    private readonly CpuDevice _device = new(2);

    public void Dispose() => _device.Dispose();

    [Theory]
    [InlineData("top-level", 1073.235921)]
    [InlineData("llama3-top", 1073.697249)]
    public void Rotary_settings_mean_the_same_in_every_place(string name, double sum)
    {
        string folder = SharedCases.Folder($"checkpoints/{name}");
        Assert.Equal(sum, Sum(folder), 6);
        foreach (string section in new[] { "rope_scaling", "rope_parameters" })
        {
            using var copy = new TempFolder();
            File.Copy(Path.Combine(folder, "model.safetensors"), copy.File("model.safetensors"));
            var json = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
            var settings = json["rope_scaling"]?.DeepClone() ?? new JsonObject();
            settings["rope_theta"] = json["rope_theta"]!.DeepClone();
            json.Remove("rope_theta");
            json.Remove("rope_scaling");
            json[section] = settings;
            copy.Write("config.json", json.ToJsonString());
            Assert.Equal(sum, Sum(copy.Path), 6);
        }
    }

    /// <summary>The sum of absolute logits over all rows of a fixed prompt.</summary>
    private double Sum(string folder)
    {
        using var model = LanguageModel.Load<double>(folder, _device);
        int[] prompt = [.. Enumerable.Range(0, 12).Select(i => ((7 * i) + 3) % 20)];
        return model.Logits(PackedBatch.Pack([prompt])).Sum(Math.Abs);
    }
}
