using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Verification.Conform;

namespace VaccineRef.Fuzz;

/// <summary>
/// Kits of one small case each, and a conforming trace of it: between them they have all that a case may hold. The
/// kit's digests are put right again before it is read, since nothing behind them would be reached otherwise.
/// </summary>
internal static class SmallKit
{
    private static readonly OptimizerSettings Optimizer = new(1e-3, 0.1, 0.9, 0.999, 1e-8, 0.5);

    private static readonly string[][] One = [["b0"]], Two = [["b0"], ["b1"]], Pair = [["b0", "b1"]];

    private static readonly KitCase[] Cases =
    [
        new(Case("accumulated", "vaccine", Pair) with { Rho = 2, Purpose = "an adapter" }, Config("llama_gqa"), PaddingSide.Left, LoraRank: 2),
        new(Case("random", "random", One) with { Rho = 0.05 }, Config("opt")),
        new(Case("kl", "vaccine", Two) with { Rho = 2, KlLambda = 0.5, Tau = 2 }, Config("gpt2"), PaddingSide.None),
        new(Case("layers", "adaptive_vaccine", Pair) with { Rho = 0.3, Layers = [[1]], Parts = PartKind.Ranks }, Config("llama_mha")),
    ];

    /// <summary>How many there are.</summary>
    public static int Seeds => Cases.Length;

    /// <summary>Writes the folders kit and trace.</summary>
    public static void Write(string folder, int seed)
    {
        using var device = new CpuDevice(threads: 1);
        var (settings, kit) = (Cases[seed].Settings, KitOf(folder));
        ConformKit.Write(kit, device, [Cases[seed]]);
        Directory.Move(Path.Combine(kit, "cases", settings.Name, "expected"), TraceOf(folder));
        // the texts of a kit are digested, and nothing else
        foreach (string path in Directory.GetFiles(kit, "*", SearchOption.AllDirectories)
            .Where(path => !path.Contains("cases", StringComparison.Ordinal)))
            File.Delete(path);
        File.WriteAllText(ManifestOf(folder), ConformKit.ManifestOf(kit, [settings.Name]));
        var kept = ConformKit.Read(kit);
        string manifest = Path.Combine(TraceOf(folder), "manifest.json");
        var trace = JsonNode.Parse(File.ReadAllText(manifest))!;
        trace["sites"] =
            new JsonArray([.. Enumerable.Range(0, 2).Select(layer => (JsonNode)$"model.layers.{layer}.self_attn")]);
        if (seed == 1)                  // the others' cases may be altered
            trace["case_sha256"] = kept.Cases[settings.Name];
        File.WriteAllText(manifest, trace.ToJsonString());
    }

    /// <summary>
    /// Reads the kit, runs its case, and reads the trace: all that is done before the first comparison.
    /// </summary>
    public static Action OpenKit(string folder)
    {
        var (device, kit, path) = (new CpuDevice(threads: 1), KitOf(folder), ManifestOf(folder));
        string first = File.ReadAllText(path), last = first;
        string[] names = [.. ConformKit.Read(kit).Cases.Keys];
        return () =>
        {
            // otherwise it is what was altered
            if (File.ReadAllText(path) is var found && (found == first || found == last))
                File.WriteAllText(path, last = ConformKit.ManifestOf(kit, names));
            var manifest = Trace.ReadManifest(TraceOf(folder));
            using var @case = LoadedCase.Open<double>(ConformKit.CaseFolder(kit, manifest), device);
            Simulation.Run(@case, Variation.Reference);
            Trace.Read(TraceOf(folder), manifest, @case);
        };
    }

    /// <summary>Judges the trace by a kit that is read once.</summary>
    public static Action OpenTrace(string folder)
    {
        var (device, path, kit) = (new CpuDevice(threads: 1), KitOf(folder), ConformKit.Read(KitOf(folder)));
        var @case = LoadedCase.Open<double>(ConformKit.CaseFolders(path).Single(), device);
        return () =>
        {
            var manifest = Trace.ReadManifest(TraceOf(folder));
            ConformKit.CaseFolder(kit, path, manifest);
            new ConformanceChecker(device).Check(
                TraceOf(folder), Trace.Read(TraceOf(folder), manifest, @case), @case, path);
        };
    }

    private static CaseSettings Case(string name, string method, string[][] steps) =>
        new(CaseSettings.CurrentSchema, name, method, steps, Optimizer) { Open = true };

    private static string Config(string golden) => SmallModels.Config(golden).ToJsonString();

    private static string KitOf(string folder) => Path.Combine(folder, "kit");

    private static string ManifestOf(string folder) => Path.Combine(KitOf(folder), "kit.json");

    private static string TraceOf(string folder) => Path.Combine(folder, "trace");
}
