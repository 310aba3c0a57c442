using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>One micro-batch or rank of a step under way.</summary>
internal sealed class StepPart(string prefix, int index, string name, PaddedBatch batch)
{
    /// <summary>"s1/", "s1/m0/", "s1/r1/": what goes before the keys of a part.</summary>
    public static string PrefixOf(CaseSettings settings, int k, int j) => settings.Steps[k - 1].Count == 1
        ? $"s{k}/"
        : $"s{k}/{(settings.Parts == PartKind.Ranks ? 'r' : 'm')}{j}/";

    public string Prefix { get; } = prefix;

    public int Index { get; } = index;

    public string Name { get; } = name;

    public PaddedBatch Batch { get; } = batch;

    public PassInput? Input { get; set; }

    public PassResult? First { get; set; }

    public PassResult? Second { get; set; }

    public IReadOnlyDictionary<Site, Values> G { get; set; } = new Dictionary<Site, Values>();

    /// <summary>How far each weight moves, where weights are what moves.</summary>
    public IReadOnlyDictionary<string, Values>? Ascent { get; set; }

    public IReadOnlyDictionary<Site, Values> Epsilon { get; set; } = new Dictionary<Site, Values>();
}
