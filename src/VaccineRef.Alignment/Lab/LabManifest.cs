using System.Security.Cryptography;
using System.Text;
using VaccineRef.Alignment.World;

namespace VaccineRef.Alignment.Lab;

/// <summary>Says what text a seed's stages saw, so that two reports can be held against each other.</summary>
public static class LabManifest
{
    /// <summary>The data of every seed.</summary>
    public static IReadOnlyList<LabData> Of(LabSettings settings, IEnumerable<ulong> seeds) =>
        [.. seeds.SelectMany(seed => Of(settings, new SyntheticWorld(seed, settings.World)))];

    private static LabData[] Of(LabSettings settings, SyntheticWorld world) =>
    [
        Of(world.Seed, "base", world.Pretraining(settings.Base.BatchSize * settings.Base.MaxSteps)),
        Of(world.Seed, "alignment", world.Alignment()),
        Of(world.Seed, "harmful test", world.HarmfulTest),
        Of(world.Seed, "benign test", world.BenignTest),
    ];

    private static LabData Of(ulong seed, string stage, IReadOnlyList<WorldExample> examples)
    {
        string text = string.Concat(examples.Select(example => $"{example.Prompt}\n{example.Answer}\n"));
        return new(seed, stage, examples.Count, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))));
    }
}
