using System.Numerics;
using static VaccineRef.Models.CheckpointException;

namespace VaccineRef.Models;

/// <summary>
/// The weights of a model under their Hugging Face names: one safetensors file, or shards under an index. Opening
/// checks every header and that index and shards agree; no weight is read.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private const string SingleName = "model.safetensors";

    private readonly List<SafetensorsFile> _shards = [];
    private readonly OrderedDictionary<string, TensorEntry> _tensors = [];
    private readonly Dictionary<string, SafetensorsFile> _home = [];

    private Checkpoint(string path) => Path = path;

    /// <summary>The safetensors file or the index that was opened.</summary>
    public string Path { get; }

    /// <summary>All tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <summary>The free-form strings in the header of the first file.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _shards[0].Metadata;

    /// <summary>Opens a model folder, a safetensors file, or a shard index.</summary>
    /// <exception cref="CheckpointException">
    /// Missing, only in pickle format, ambiguous, damaged, or index and shards disagree.
    /// </exception>
    public static Checkpoint Open(string path)
    {
        var checkpoint = new Checkpoint(Directory.Exists(path) ? Choose(path) : path);
        try
        {
            if (checkpoint.Path.EndsWith(".index.json", StringComparison.Ordinal))
                checkpoint.AddShards();
            else
                checkpoint.AddSingle();
            checkpoint.Index();
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>True where the checkpoint has the tensor.</summary>
    public bool Contains(string name) => _tensors.ContainsKey(name);

    /// <inheritdoc cref="SafetensorsFile.Entry"/>
    public TensorEntry Entry(string name) => SafetensorsFile.Find(_tensors, name, Path);

    /// <inheritdoc cref="SafetensorsFile.Read{T}(string, Span{T})"/>
    public void Read<T>(string name, Span<T> destination) where T : unmanaged, IFloatingPointIeee754<T> =>
        Home(name).Read(name, destination);

    /// <inheritdoc cref="SafetensorsFile.Read{T}(string, long, Span{T})"/>
    public void Read<T>(string name, long first, Span<T> destination) where T : unmanaged, IFloatingPointIeee754<T> =>
        Home(name).Read(name, first, destination);

    /// <inheritdoc cref="SafetensorsFile.ReadIntegers"/>
    public long[] ReadIntegers(string name) => Home(name).ReadIntegers(name);

    /// <summary>Closes the files.</summary>
    public void Dispose() => _shards.ForEach(shard => shard.Dispose());

    private SafetensorsFile Home(string name) => _home[Entry(name).Name];

    private static string Choose(string folder)
    {
        var single = System.IO.Path.Combine(folder, SingleName);
        var index = System.IO.Path.Combine(folder, ShardIndex.FileName);
        if (File.Exists(single) && File.Exists(index))
        {
            // An index whose shards are gone is left over from another cut.
            var shards = ShardIndex.Read(index).Values.Distinct().ToArray();
            if (!shards.Any(shard => File.Exists(System.IO.Path.Combine(folder, shard))))
                return single;
            if (shards is [SingleName])
                return index;

            throw new CheckpointException(
                "the folder holds two checkpoints", folder, null, $"{SingleName} and {ShardIndex.FileName}",
                "one of them", "remove one, or name the file itself");
        }

        return File.Exists(index) ? index : single;
    }

    private void AddSingle()
    {
        if (Pickle.Is(Path) || !File.Exists(Path))
            throw Pickle.Refuse(Path);
        _shards.Add(SafetensorsFile.Open(Path));
    }

    private void AddShards()
    {
        var map = ShardIndex.Read(Path);
        var folder = System.IO.Path.GetDirectoryName(Path)!;
        var files = map.Values.Distinct().Order(StringComparer.Ordinal).ToArray();
        var absent = files.Where(file => !File.Exists(System.IO.Path.Combine(folder, file))).ToArray();
        if (absent.Length > 0)
        {
            throw new CheckpointException(
                "shards are missing", Path, null, $"{files.Length - absent.Length} of {files.Length} shards",
                Names(absent), "download the missing files");
        }

        if (files.FirstOrDefault(file => RealPath.LeavesFolder(folder, file)) is { } outside)
        {
            throw new CheckpointException(
                "a shard is a link that leads out of its folder", System.IO.Path.Combine(folder, outside), null,
                RealPath.Of(System.IO.Path.Combine(folder, outside)), "a file in that folder",
                "copy the shard itself into the folder");
        }

        var (missing, extra) = (new List<string>(), new List<string>());
        foreach (var file in files)
        {
            var shard = SafetensorsFile.Open(System.IO.Path.Combine(folder, file));
            _shards.Add(shard);
            extra.AddRange(shard.Tensors.Keys.Where(name => map.GetValueOrDefault(name) != file && !Buffers.Is(name)));
            missing.AddRange(map.Where(pair => pair.Value == file).Select(pair => pair.Key).Except(shard.Tensors.Keys)
                .Where(name => !Buffers.Is(name) && !IsHead(name)));
        }

        if (missing.Count + extra.Count > 0)
        {
            throw new CheckpointException(
                "index and shards disagree", Path, null,
                $"listed but not there: {Names(missing)}; there but not listed: {Names(extra)}",
                "every tensor in exactly the shard that the index names", "download the checkpoint again");
        }
    }

    // A head that is tied to the embedding is dropped when shards are written, and some indices list it still. Where
    // the head is not tied, the model misses it.
    private static bool IsHead(string name) => $".{name}".EndsWith(".lm_head.weight", StringComparison.Ordinal);

    private void Index()
    {
        foreach (var shard in _shards)
        {
            foreach (var (name, entry) in shard.Tensors)
            {
                if (!_tensors.TryAdd(name, entry) && Buffers.Is(name))
                    continue;                       // a constant that no index lists may stand in several shards
                _home.Add(name, shard);
            }
        }
    }
}
