using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

/// <summary>Small adapters that went wrong once load, with the number of layers that they adapt.</summary>
public sealed class AdapterCasesTests : IDisposable
{
    private readonly CpuDevice _device = new(2);

    public void Dispose() => _device.Dispose();

    [Theory]
    [InlineData("plain", 4, null)]
    [InlineData("eva", 4, null)]
    [InlineData("idle-target", 4, "query_key_value, c_attn")]
    [InlineData("layers-pattern", 2, null)]
    [InlineData("rank-pattern", 4, null)]
    [InlineData("all-linear-upper", 4, "k_proj, o_proj, gate_proj, up_proj, down_proj")]
    [InlineData("embeddings-saved-beside", 4, null)]
    [InlineData("lora_only", 4, null)]
    public void An_adapter_loads(string name, int layers, string? warning)
    {
        using var model = LanguageModel.Load<double>(SharedCases.Folder("peft/base"), _device);
        int[] prompt = [.. Enumerable.Range(0, 12).Select(i => ((7 * i) + 3) % 20)];
        double[] plain = model.Logits(PackedBatch.Pack([prompt]));
        var lora = Lora.Load(model, SharedCases.Folder($"peft/{name}"));
        Assert.Equal(layers, lora.Pairs.Count);
        Assert.NotEqual(plain, model.Logits(PackedBatch.Pack([prompt])));
        if (warning is null)
            Assert.Empty(lora.Warnings);
        else
            Assert.Contains(warning, Assert.Single(lora.Warnings));
    }
}
