using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Verification.Conform;

/// <summary>A case folder, read: what a port is asked to do, its batches, and its model, ready to run.</summary>
internal sealed class LoadedCase : IDisposable
{
    private readonly Device _device;
    private readonly Func<double, IReferenceModel> _load;
    private readonly Dictionary<double, IReferenceModel> _models = [];
    private readonly Dictionary<string, PaddedBatch> _batches = [];
    private readonly Dictionary<(string, Variation), PassResult> _firstPasses = [];

    private LoadedCase(string folder, CaseSettings settings, Device device, Func<double, IReferenceModel> load) =>
        (Folder, Settings, _device, _load) = (folder, settings, device, load);

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>case.json.</summary>
    public CaseSettings Settings { get; }

    /// <summary>The adapter's rank; null where there is none.</summary>
    public int? Rank { get; private init; }

    /// <summary>Where it runs.</summary>
    public Device Device => _device;

    private IReadOnlyDictionary<string, Values> UnitNoise { get; init; } = new Dictionary<string, Values>();

    /// <summary>Reads a case, to be run in T.</summary>
    /// <exception cref="InputException">It is no case, or lacks something.</exception>
    public static LoadedCase Open<T>(string folder, Device device) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var settings = CheckedSettings(folder);
        string adapter = Path.Combine(folder, AdapterConfig.FileName),
            noise = Path.Combine(folder, "noise.safetensors");
        var opened = new LoadedCase(folder, settings, device, scale => new ReferenceModel<T>(folder, device, scale))
        {
            Rank = File.Exists(adapter) ? AdapterConfig.Read(folder).Rank : null,
            UnitNoise = File.Exists(noise) ? ReadAll(noise) : new Dictionary<string, Values>(),
        };
        using var file = SafetensorsFile.Open(Path.Combine(folder, "batches.safetensors"));
        foreach (string name in settings.Steps.SelectMany(step => step).Distinct())
            opened._batches.Add(name, PaddedBatch.Read(file, name));
        return opened;
    }

    /// <summary>A batch by its name.</summary>
    public PaddedBatch Batch(string name) => _batches[name];

    /// <summary>The noise of variance 1 that a random perturbation is made of, at every site of a step.</summary>
    /// <exception cref="InputException">The case lacks it.</exception>
    public IReadOnlyDictionary<Site, Values> NoiseOf(int step, int layers) => Enumerable.Range(0, layers).ToDictionary(
        layer => new Site(layer, SiteKind.AttentionOutput),
        layer => UnitNoise.GetValueOrDefault($"s{step}/site{layer}") ?? throw new InputException(
            "a case of random perturbation lacks its noise", Folder,
            expected: $"s{step}/site{layer} in noise.safetensors"));

    /// <summary>The model with this factor on the adapter's scaling.</summary>
    public IReferenceModel Model(double adapterScale = 1)
    {
        if (!_models.TryGetValue(adapterScale, out var model))
            _models.Add(adapterScale, model = _load(adapterScale));
        return model;
    }

    /// <summary>The first pass at the weights on disk, which most variations share.</summary>
    public PassResult FirstPass(string batch, Variation variation, Func<PassResult> run)
    {
        var key = (batch, variation.OfLoss());
        if (!_firstPasses.TryGetValue(key, out var pass))
            _firstPasses.Add(key, pass = run());
        return pass;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in _models.Values)
            model.Dispose();
    }

    private static CaseSettings CheckedSettings(string folder)
    {
        string path = Path.Combine(folder, "case.json");
        var settings = ConformJson.Read(path, ConformJson.Default.CaseSettings, "a case");
        void Require(bool holds, string key, string found, string expected)
        {
            if (!holds)
                throw new InputException(
                    "a case holds the wrong thing", $"{path}, key {key}", found, expected, "write the kit again");
        }

        Require(settings.Schema == CaseSettings.CurrentSchema, "schema", settings.Schema, CaseSettings.CurrentSchema);
        Require(
            settings.HasSecondPass || settings.Method is "random" or "plain", "method", settings.Method,
            "vaccine, adaptive_vaccine, sam, random or plain");
        Require(
            !settings.MovesWeights || settings.Parts == PartKind.MicroBatches, "parts",
            "ranks that share a ball of weights", "micro_batches");
        Require(
            settings.Steps.Count > 0 && settings.Steps.All(step => step.Count > 0), "steps", "none",
            "batches for every step");
        Require(settings.Tau >= 1, "tau", $"{settings.Tau}", "at least 1");
        Require(
            settings.Rho is >= 0 and < double.PositiveInfinity, "rho", $"{settings.Rho}",
            "a finite number, at least 0");
        if (settings.Layers is { } layers)
            Require(
                layers.Count == settings.Steps.Count
                    && layers.All(step => step.Count > 0 && step.All(layer => layer >= 0)), "layers",
                $"{layers.Count} lists", "numbers of layers for every step");
        return settings;
    }

    private static Dictionary<string, Values> ReadAll(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return file.Tensors.Keys.ToDictionary(name => name, name => Values.Read(file, name));
    }
}
