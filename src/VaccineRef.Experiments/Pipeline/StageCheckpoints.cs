using System.Globalization;
using System.Text.RegularExpressions;
using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// The checkpoints of a stage under way, in the stage's folder: sealed safetensors files, written beside and renamed.
/// The last two are kept, so that there is one to go on from while the next one is written and if the newest is
/// damaged.
/// </summary>
/// <param name="folder">The stage's folder.</param>
/// <param name="node">The stage.</param>
/// <param name="arithmetic">The device and the precision of its products, on which the last bits depend.</param>
/// <param name="writes">Whether anything is kept; otherwise another process keeps it, and this one reads it.</param>
internal sealed partial class StageCheckpoints(string folder, StageNode node, string arithmetic, bool writes = true)
{
    private const int Kept = 2;

    private const string Schema = "vaccine-checkpoint/1", SchemaKey = "schema", StageKey = "stage", HashKey = "hash",
        StepKey = "step",
        ArithmeticKey = "arithmetic", VersionKey = "numeric_version";

    /// <summary>Whether a file name is one that this type gives.</summary>
    public static bool IsName(string name) => Name().IsMatch(name);

    /// <summary>Keeps a training, and removes what is older than the last two.</summary>
    /// <exception cref="InputException">The file cannot be written; those before it are still there.</exception>
    public void Keep<T>(int step, Device device, Action<KeptState<T>> exchange)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        if (!writes)
            return;
        var about = new Dictionary<string, string>
        {
            [SchemaKey] = Schema,
            [StageKey] = node.Name,
            [HashKey] = node.Hash,
            [StepKey] = step.ToString(CultureInfo.InvariantCulture),
            [ArithmeticKey] = arithmetic,
            [VersionKey] = Version,
        };
        KeptState<T>.Write(Path.Combine(folder, $"checkpoint-{step:D10}.safetensors"), device, about, exchange);
        foreach (var (_, old) in Files().Where(file => file.Step <= step).Skip(Kept))
            FileChanges.Delete(old);
    }

    /// <summary>The newest checkpoint that is whole, open; null if there is none.</summary>
    /// <param name="notice">Told of every file that is passed over, and why.</param>
    /// <exception cref="InputException">The checkpoint belongs to something that computes other bits.</exception>
    public SafetensorsFile? Newest(Action<string> notice)
    {
        foreach (var (step, path) in Files())
        {
            SafetensorsFile file;
            try
            {
                file = SealedSafetensors.Open(path);
            }
            catch (CheckpointException error)
            {
                // another process on this cache may have finished the stage and removed it
                if (File.Exists(path))
                    notice($"the checkpoint {path} is passed over: {error.What}");
                continue;
            }

            try
            {
                Require(file);
                notice($"stage {node.Name} goes on after step {step}");
                return file;
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }

        return null;
    }

    /// <summary>Requires that the stage can go on from its newest whole checkpoint, if it has one.</summary>
    /// <inheritdoc cref="Newest" path="/exception"/>
    public void Require()
    {
        foreach (var (_, path) in Files())
        {
            try
            {
                // the header alone: whether it is whole is seen when it is read
                using var file = SafetensorsFile.Open(path);
                Require(file);
                return;
            }
            catch (CheckpointException)
            {
                // damaged: the one before it counts
            }
        }
    }

    /// <summary>Removes the checkpoints, by their names: nothing else in the folder is touched.</summary>
    public void Remove()
    {
        foreach (var (_, path) in Files())
            FileChanges.Delete(path);
    }

    private static string Version => StagePlan.NumericVersion.ToString(CultureInfo.InvariantCulture);

    /// <summary>The files, the newest first.</summary>
    private IReadOnlyList<(long Step, string Path)> Files() => !Directory.Exists(folder) ? [] :
    [
        .. Directory.GetFiles(folder, "checkpoint-*.safetensors")
            .Select(path => (Match: Name().Match(Path.GetFileName(path)), Path: path)).Where(file => file.Match.Success)
            .Select(file => (long.Parse(file.Match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), file.Path))
            .OrderByDescending(file => file.Item1),
    ];

    private void Require(SafetensorsFile file)
    {
        string? Of(string key) => file.Metadata.GetValueOrDefault(key);
        const string Anew = "begin anew in another --out";
        InputException Refuse(string what, string key, string expected, string remedy) => new(
            $"the stage {node.Name} cannot go on from its checkpoint: {what}", file.Path, Of(key) ?? "nothing",
            expected, $"{remedy}, or {Anew}");

        if (Of(SchemaKey) != Schema)
            throw Refuse("it has another form", SchemaKey, Schema, "use the version of the program that wrote it");
        if (Of(ArithmeticKey) != arithmetic)
            throw Refuse(
                "it was computed in another arithmetic, which gives other bits", ArithmeticKey, arithmetic,
                "give the same --device and --matmul, on a machine with vectors of the same width");
        if (Of(VersionKey) != Version)
            throw Refuse(
                "the version of the program that wrote it computes other bits", VersionKey, Version,
                "use that version");
        if (Of(HashKey) != node.Hash)
            throw Refuse(
                "the recipe or a file that it names is another one", HashKey, node.Hash,
                "give the recipe and the files as they were");
    }

    [GeneratedRegex(@"^checkpoint-(\d{10})\.safetensors$", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
