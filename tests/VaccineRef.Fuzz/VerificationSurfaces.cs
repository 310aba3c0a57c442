using VaccineRef.Core;
using VaccineRef.Verification;

namespace VaccineRef.Fuzz;

/// <summary>Golden cases, kits and traces.</summary>
internal static class VerificationSurfaces
{
    private static readonly string[] Goldens = ["llama_mha", "opt", "gpt2", "llama_gqa"];

    public static IReadOnlyList<Surface> All { get; } =
    [
        new("golden", (folder, i) => SmallGolden.Write(folder, Goldens[i]), ["*.json", "*.safetensors"], Verify) { Seeds = Goldens.Length },
        new("kit", SmallKit.Write, ["kit.json", "case.json", "config.json", "adapter_*", "model.safetensors", "batches.safetensors", "noise.safetensors"], SmallKit.OpenKit)
        { Seeds = SmallKit.Seeds },
        // a trace that differs is compared with what each known defect would give
        new("trace", SmallKit.Write, ["manifest.json", "trace.safetensors"], SmallKit.OpenTrace)
        { Seeds = SmallKit.Seeds, Overhead = 1 << 30, Patience = TimeSpan.FromSeconds(60) },
    ];

    private static Action Verify(string folder)
    {
        var device = new CpuDevice(threads: 1);
        return () => new GoldenVerifier<double>(device).Verify(folder);
    }
}
