using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Fuzz;

/// <summary>Checkpoints, their configurations and adapters.</summary>
internal static class ModelSurfaces
{
    private static readonly string[] Families = ["llama_gqa", "gpt2", "opt"];

    public static IReadOnlyList<Surface> All { get; } =
    [
        new("safetensors", (folder, _) => Tensors(folder, sharded: false), ["*.safetensors"], ReadAll),
        new("shard-index", (folder, _) => Tensors(folder, sharded: true), ["*.json", "*.safetensors"], ReadAll),
        new("config", (folder, i) => Model(folder, Families[i]), ["config.json"], Answer) { Seeds = Families.Length },
        new("generation-config", (folder, i) => Model(folder, Families[i]), ["generation_config.json"], Answer) { Seeds = Families.Length },
        new("adapter", Adapter, ["adapter_config.json", "adapter_model.safetensors"], ReadAdapter),
    ];

    private static void Tensors(string folder, bool sharded)
    {
        TensorData[] tensors =
        [
            TensorData.Floats<double>("a", TensorType.F64, [2, 3], new double[6]),
            TensorData.Floats<float>("b.weight", TensorType.F32, [4], new float[4]),
            TensorData.Floats<float>("b.bias", TensorType.BF16, [3, 1], new float[3]),
            TensorData.Floats<float>("c", TensorType.F16, [0], ReadOnlyMemory<float>.Empty),
            TensorData.Integers("d", TensorType.I64, [], new long[1]),
            TensorData.Integers("e", TensorType.U8, [5], new long[5]),
        ];
        if (sharded)
            SafetensorsWriter.WriteSharded(folder, tensors, 64);
        else
            SafetensorsWriter.Write(
                Path.Combine(folder, "model.safetensors"), tensors,
                new Dictionary<string, string> { ["format"] = "pt" });
    }

    private static void ReadAll(string folder)
    {
        using var checkpoint = Checkpoint.Open(folder);
        foreach (var (name, tensor) in checkpoint.Tensors)
            if (tensor.Type is TensorType.F16 or TensorType.BF16 or TensorType.F32 or TensorType.F64)
                checkpoint.Read<double>(name, new double[tensor.Count]);
            else
                checkpoint.ReadIntegers(name);
    }

    private static void Model(string folder, string golden)
    {
        SmallModels.Write(folder, golden);
        File.WriteAllText(
            Path.Combine(folder, "generation_config.json"),
            """{"eos_token_id": [3, 5], "bos_token_id": 1, "max_length": 20}""");
    }

    private static void Answer(string folder)
    {
        using var device = new CpuDevice(threads: 1);
        using var model = LanguageModel.Load<float>(folder, device);
        Generator.Generate(model, [[1, 2]], new GenerationOptions(2) { EndIds = EndTokens.Read(folder) });
    }

    private static void Adapter(string folder, int seed)
    {
        SmallModels.Write(Path.Combine(folder, "base"), "llama_gqa");
        using var device = new CpuDevice(threads: 1);
        using var model = LanguageModel.Load<float>(Path.Combine(folder, "base"), device);
        using var lora = Lora.Attach(
            model, new AdapterConfig(2, 4, TargetModules.Named("q_proj", "v_proj")), RandomStream.FromSeed(1));
        lora.Save(Path.Combine(folder, "adapter"));
    }

    private static void ReadAdapter(string folder)
    {
        using var device = new CpuDevice(threads: 1);
        using var model = AdaptedModel.Load<float>(
            Path.Combine(folder, "base"), Path.Combine(folder, "adapter"), device);
    }
}
