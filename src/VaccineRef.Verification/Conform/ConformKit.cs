using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Verification.Conform;

/// <summary>kit.json: what a kit holds.</summary>
/// <param name="Schema">"vaccine-kit/1".</param>
/// <param name="TraceSchema">The schema of the traces that it asks for.</param>
/// <param name="Cases">The cases' digests.</param>
/// <param name="Files">The SHA-256 of every file, by its path.</param>
public sealed record KitManifest(
    string Schema, string TraceSchema, IReadOnlyDictionary<string, string> Cases,
    IReadOnlyDictionary<string, string> Files)
{
    /// <summary>What the schema key of a kit says.</summary>
    public const string CurrentSchema = "vaccine-kit/1";
}

/// <summary>
/// Writes and reads kits: cases with configuration, weights and batches, the schemas, a recorder and an example port.
/// The weights are uniform numbers from counter-based bits, so that every machine writes the same bytes.
/// </summary>
public static class ConformKit
{
    private const string CasesFolder = "cases", Manifest = "kit.json";
    private const ulong Seed = 2402_01109;

    /// <summary>Writes a kit.</summary>
    /// <param name="folder">A new or empty folder.</param>
    /// <param name="device">Where the expected values of open cases are computed.</param>
    /// <exception cref="InputException">The folder holds something, or cannot be written.</exception>
    public static void Write(string folder, Device device) => Write(folder, device, KitCases.All);

    /// <summary>Writes a kit of these cases.</summary>
    /// <inheritdoc cref="Write(string, Device)"/>
    internal static void Write(string folder, Device device, IReadOnlyList<KitCase> kitCases) => AtomicFile.WriteFolder(folder, temporary =>
    {
        foreach (var kitCase in kitCases)
            WriteCase(Path.Combine(temporary, CasesFolder, kitCase.Settings.Name), kitCase, device);
        foreach (var (path, text) in KitTexts.All())
            AtomicFile.WriteText(Path.Combine(temporary, path), text);
        AtomicFile.WriteText(
            Path.Combine(temporary, Manifest),
            ManifestOf(temporary, [.. kitCases.Select(kitCase => kitCase.Settings.Name)]));
    });

    /// <summary>The text of kit.json: what a kit with these cases holds now.</summary>
    internal static string ManifestOf(string kitFolder, IReadOnlyList<string> cases)
    {
        var files = Digests(kitFolder);
        var manifest = new KitManifest(
            KitManifest.CurrentSchema, TraceManifest.CurrentSchema,
            cases.ToDictionary(name => name, name => CaseDigest(files, name)), files);
        return JsonSerializer.Serialize(manifest, ConformJson.Default.KitManifest) + "\n";
    }

    /// <summary>The case folders of a kit, in the order of their names.</summary>
    /// <exception cref="InputException">There is no kit.</exception>
    public static IReadOnlyList<string> CaseFolders(string kitFolder) =>
        [.. Read(kitFolder).Cases.Keys.Order(StringComparer.Ordinal)
            .Select(name => Path.Combine(kitFolder, CasesFolder, name))];

    /// <summary>The folder of a trace's case.</summary>
    /// <exception cref="InputException">The kit has no such case, or the trace is of another kit's.</exception>
    internal static string CaseFolder(string kitFolder, TraceManifest trace) =>
        CaseFolder(Read(kitFolder), kitFolder, trace);

    /// <summary>The same, of a kit that is read already.</summary>
    /// <inheritdoc cref="CaseFolder(string, TraceManifest)" path="/exception"/>
    internal static string CaseFolder(KitManifest kit, string kitFolder, TraceManifest trace)
    {
        if (!kit.Cases.TryGetValue(trace.Case, out string? digest))
            throw new InputException(
                "a trace is of no case of the kit", $"{kitFolder}, case {ConformJson.Clean(trace.Case)}",
                "no such case",
                string.Join(", ", kit.Cases.Keys));
        if (trace.CaseSha256 is { } said && said != digest)
            throw new InputException(
                "a trace is of another kit", $"key case_sha256 of a trace of {trace.Case}", ConformJson.Clean(said),
                digest,
                "record the trace again, with this kit");
        return Path.Combine(kitFolder, CasesFolder, trace.Case);
    }

    /// <summary>Reads kit.json and checks every file that it names.</summary>
    /// <exception cref="InputException">There is no kit, or a file was changed.</exception>
    public static KitManifest Read(string kitFolder)
    {
        var kit = ConformJson.Read(Path.Combine(kitFolder, Manifest), ConformJson.Default.KitManifest, "a kit");
        if (kit.Schema != KitManifest.CurrentSchema)
            throw new InputException(
                "a kit is of another schema", kitFolder, ConformJson.Clean(kit.Schema), KitManifest.CurrentSchema);
        var found = Digests(kitFolder);
        foreach (var (path, digest) in kit.Files)
            if (found.GetValueOrDefault(path) != digest)
                throw new InputException(
                    "a kit's file is missing or was changed", Path.Combine(kitFolder, ConformJson.Clean(path)),
                    found.GetValueOrDefault(path) ?? "no file", digest, "vaccine conform kit DIR writes a new one");
        foreach (string name in kit.Cases.Keys)
            if (Path.GetFileName(name) != name || name is "." or ".." || name.Length == 0)
                throw new InputException(
                    "a kit names a case outside of it", kitFolder, ConformJson.Clean(name), "the name of a folder");
        return kit;
    }

    private static Dictionary<string, string> Digests(string folder)
    {
        Dictionary<string, string> digests = [];
        foreach (string path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal))
        {
            string name = Path.GetRelativePath(folder, path).Replace('\\', '/');
            if (name == Manifest)
                continue;
            using var stream = File.OpenRead(path);
            digests.Add(name, Convert.ToHexStringLower(SHA256.HashData(stream)));
        }

        return digests;
    }

    private static string CaseDigest(Dictionary<string, string> files, string name)
    {
        string prefix = $"{CasesFolder}/{name}/";
        var lines = files.Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal)
                && !entry.Key.StartsWith(prefix + "expected/", StringComparison.Ordinal))
            .OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => $"{entry.Value}  {entry.Key[prefix.Length..]}\n");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(lines))));
    }

    private static void WriteCase(string folder, KitCase kitCase, Device device)
    {
        var random = RandomStream.FromSeed(Seed).At(kitCase.Settings.Name);
        using (var model = LanguageModel.Create<double>(
            ConfigReader.Parse(Encoding.UTF8.GetBytes(kitCase.Config)), device, random))
        {
            Fill(model.Network.Parameters, device, random);
            model.Save(folder);
            if (kitCase.LoraRank > 0)
                WriteAdapter(folder, model, kitCase.LoraRank, device, random);
            var tensors = KitBatches.Draw(kitCase, model.Network.Shape.Vocabulary, random.At("batches"));
            SafetensorsWriter.Write(Path.Combine(folder, "batches.safetensors"), tensors);
            if (kitCase.Settings.Method == "random")
                SafetensorsWriter.Write(
                    Path.Combine(folder, "noise.safetensors"),
                    KitBatches.Noise(kitCase, model.Network.Shape, random.At("noise")));
        }

        AtomicFile.WriteText(
            Path.Combine(folder, "case.json"),
            JsonSerializer.Serialize(kitCase.Settings, ConformJson.Default.CaseSettings) + "\n");
        if (!kitCase.Settings.Open)
            return;
        using var @case = LoadedCase.Open<double>(folder, device);
        TraceWriter.Write(Path.Combine(folder, "expected"), @case, Simulation.Run(@case, Variation.Reference));
    }

    private static void WriteAdapter(string folder, Model<double> model, int rank, Device device, RandomStream random)
    {
        string aside = Path.Combine(folder, "adapter");
        var config = new AdapterConfig(
            rank, 2 * rank, TargetModules.Named(["q_proj", "v_proj", "o_proj", "down_proj"]));
        using var adapter = Lora.Attach(model, config, random);
        Fill(adapter.Parameters, device, random);
        adapter.Save(aside);
        foreach (string file in Directory.GetFiles(aside))
            File.Move(file, Path.Combine(folder, Path.GetFileName(file)));
        Directory.Delete(aside);
    }

    /// <summary>
    /// Matrices of about unit gain, norm weights about 1, biases small: nothing is at a symmetric point.
    /// </summary>
    private static void Fill(IReadOnlyList<Parameter<double>> parameters, Device device, RandomStream random)
    {
        foreach (var parameter in parameters)
        {
            var stream = random.At(parameter.Name);
            bool vector = parameter.Dimensions.Count == 1,
                norm = vector && parameter.Name.EndsWith("weight", StringComparison.Ordinal);
            double middle = norm ? 1 : 0, width = vector ? 0.2 : 0.35;
            double[] values = [.. Enumerable.Range(0, (int)parameter.Shape.Count)
                .Select(i => middle + (width * ((2 * stream.Uniform(i)) - 1)))];
            device.Upload<double>(values, parameter.Value);
        }
    }
}
