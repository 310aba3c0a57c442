using VaccineRef.Core;
using VaccineRef.Testing;
using VaccineRef.Verification;
using VaccineRef.Verification.Conform;

namespace VaccineRef.Fuzz;

/// <summary>Golden cases, kits and traces.</summary>
internal static class VerificationSurfaces
{
    private const string Case = "llama_mha";

    public static IReadOnlyList<Surface> All { get; } =
    [
        new("golden", Golden, ["*.json", "*.safetensors"], folder =>
        {
            using var device = new CpuDevice(threads: 1);
            new GoldenVerifier<double>(device).Verify(folder);
        }) { Seeds = 3, Overhead = 1 << 30 },
        new("kit", Kit, ["*.json", "*.safetensors"], Check) { Overhead = 1 << 30 },
        // a trace that differs is compared with what each known defect would give
        new("trace", Kit, ["manifest.json", "trace.safetensors"], Check) { Overhead = 1L << 33, Patience = TimeSpan.FromSeconds(60) },
    ];

    private static void Golden(string folder, int seed)
    {
        string from = Path.Combine(Repository.Root, "tests", "golden", ((string[])[Case, "opt", "gpt2"])[seed]);
        foreach (string path in Directory.GetFiles(from))
            File.Copy(path, Path.Combine(folder, Path.GetFileName(path)));
    }

    private static void Kit(string folder, int seed)
    {
        using var device = new CpuDevice(threads: 1);
        string kit = Path.Combine(folder, "kit"), trace = Directory.CreateDirectory(Path.Combine(folder, "trace")).FullName;
        ConformKit.Write(kit, device);
        string open = ConformKit.CaseFolders(kit).Select(path => Path.Combine(path, "expected")).First(Directory.Exists);
        foreach (string path in Directory.GetFiles(open))
            File.Copy(path, Path.Combine(trace, Path.GetFileName(path)));
    }

    private static void Check(string folder)
    {
        using var device = new CpuDevice(threads: 1);
        new ConformanceChecker(device).Check(Path.Combine(folder, "trace"), Path.Combine(folder, "kit"));
    }
}
