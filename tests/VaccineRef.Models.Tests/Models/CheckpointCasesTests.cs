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

    [Theory]
    [InlineData("unlisted-buffer", "plain")]
    [InlineData("pretraining_tp-2", "top-level")]
    public void What_is_harmless_loads_as_the_plain_one_does(string name, string plain) => Assert.Equal(
        Sum(SharedCases.Folder($"checkpoints/{plain}")), Sum(SharedCases.Folder($"checkpoints/{name}")), 12);

    [Fact]
    public void A_dropped_tied_head_loads() =>
        Assert.True(Sum(SharedCases.Folder("checkpoints/index-lists-dropped-tied-head")) > 0);

    [Theory]
    [InlineData("no-index", "the index of the shards is missing", "model-00001-of-00002.safetensors")]
    [InlineData("trainer-root", "the weights are missing", "training_args.bin")]
    [InlineData("fsdp", "the weights are missing", "scheduler.pt")]
    [InlineData("lfs-pointer", "Git LFS pointer", "model.safetensors")]
    [InlineData("module", "behind a prefix", "module.")]
    [InlineData("mistral-null-kv", "another shape", "k_proj")]       // its weights have 2 heads, and null means 4
    public void The_cause_is_named(string name, string what, string found)
    {
        string folder = SharedCases.Folder($"checkpoints/{name}");
        string message = Assert.Throws<CheckpointException>(() => LanguageModel.Load<double>(folder, _device)).Message;
        Assert.Contains(what, message);
        Assert.Contains(found, message);
        Assert.DoesNotContain("torch.load", message);
    }

    /// <summary>The sum of absolute logits over all rows of a fixed prompt.</summary>
    private double Sum(string folder)
    {
        using var model = LanguageModel.Load<double>(folder, _device);
        int[] prompt = [.. Enumerable.Range(0, 12).Select(i => ((7 * i) + 3) % 20)];
        return model.Logits(PackedBatch.Pack([prompt])).Sum(Math.Abs);
    }
}
