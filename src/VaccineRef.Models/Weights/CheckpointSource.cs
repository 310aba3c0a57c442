using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// Takes the values of parameters from a checkpoint. The model must ask for every tensor that the checkpoint has.
/// Hugging Face may store a model without the prefix of its base class ("decoder.layers..." instead of
/// "model.decoder.layers..."); such names are found as well.
/// </summary>
/// <param name="checkpoint">The checkpoint. It must stay open as long as parameters are asked for.</param>
/// <param name="device">The device to which the values are written.</param>
/// <param name="prefix">The prefix of the base class, such as "model.".</param>
/// <param name="wrapper">
/// A prefix that every name in the checkpoint has in addition, such as "module.". It is removed. Null if there is none.
/// </param>
public sealed class CheckpointSource<T>(Checkpoint checkpoint, Device device, string prefix, string? wrapper = null)
    : IWeightSource<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    // If the model asks for more missing values than the checkpoint has in all, plus this number, the two do not belong
    // together.
    private const long FreeMissing = 1 << 20;

    // From the name without the wrapper to the name as stored.
    private readonly Dictionary<string, string> _names = Names(checkpoint, wrapper);
    private readonly bool _unprefixed = !checkpoint.Tensors.Keys.Any(
        name => name.StartsWith(wrapper + prefix, StringComparison.Ordinal));
    private readonly bool _dry = device is DryDevice;      // nothing is read: only names, shapes and types are compared
    private readonly HashSet<string> _used = [];
    private readonly List<string> _missing = [];
    private readonly long _total = checkpoint.Tensors.Values.Sum(entry => entry.Count);
    private long _missed;
    private T[] _host = [];

    /// <inheritdoc/>
    public void Expect(string name, IReadOnlyList<long> dimensions)
    {
        string found = NameInFile(name);
        if (_names.TryGetValue(found, out string? stored))
        {
            var entry = checkpoint.Entry(stored);
            if (!entry.Shape.SequenceEqual(dimensions))
                throw new CheckpointException(
                    "a tensor has another shape than the model", checkpoint.Path, stored, entry.ToString(),
                    $"[{string.Join(", ", dimensions)}]", "config.json and the weights must come from the same model");
            return;
        }

        _missing.Add(name);
        _missed += dimensions.Aggregate(1L, (product, extent) => product * extent);
        if (_missed > _total + FreeMissing)
            throw Disagrees();
    }

    /// <summary>Whether the checkpoint has the parameter.</summary>
    internal bool Has(string name) => _names.ContainsKey(NameInFile(name));

    /// <summary>
    /// Notes that a tensor is not needed, if the checkpoint has it, so that it does not count as unexpected.
    /// </summary>
    internal void Ignore(string name)
    {
        if (_names.TryGetValue(NameInFile(name), out string? stored))
            _used.Add(stored);
    }

    /// <inheritdoc/>
    public StoredAs Fill(string name, IReadOnlyList<long> dimensions, Initializer initializer, View<T> to)
    {
        name = NameInFile(name);
        if (!_names.TryGetValue(name, out string? stored))
            return default;
        _used.Add(stored);
        if (!_dry)
            device.Upload<T>(Read(stored), to);
        return new(name, checkpoint.Entry(stored).Type);
    }

    /// <inheritdoc/>
    public StoredAs? Tie(string name, Parameter<T> to)
    {
        name = NameInFile(name);
        if (!_names.TryGetValue(name, out string? stored))
            return null;
        Expect(name, to.Dimensions);
        _used.Add(stored);
        if (_dry)
            return new(name, checkpoint.Entry(stored).Type);
        var original = new T[to.Shape.Count];
        device.Download(to.Value, original);
        if (!Read(stored).SequenceEqual(original))
            throw new CheckpointException(
                "a tied weight is stored twice with different values", checkpoint.Path, name,
                $"not the values of {to.Name}", "the same values, or one tensor",
                "set tie_word_embeddings to false in config.json if the two really differ");
        return new(name, checkpoint.Entry(stored).Type);
    }

    /// <inheritdoc/>
    public void Finish()
    {
        _host = [];                                    // Frees the buffer, which is as large as the largest tensor.
        if (_missing.Count > 0 || Unexpected().Length > 0)
            throw Disagrees();
    }

    private static Dictionary<string, string> Names(Checkpoint checkpoint, string? wrapper)
    {
        wrapper ??= "";
        var names = checkpoint.Tensors.Keys.Where(name => name.StartsWith(wrapper, StringComparison.Ordinal))
            .ToDictionary(name => name[wrapper.Length..]);
        return names.Count > 0 || wrapper.Length == 0 ? names : throw new CheckpointException(
            "no tensor has the prefix that is to be stripped", checkpoint.Path, null, wrapper,
            $"a beginning of {CheckpointException.Names([.. checkpoint.Tensors.Keys.Take(1)])}");
    }

    private string[] Unexpected() =>
        [.. checkpoint.Tensors.Keys.Where(name => !_used.Contains(name) && !Buffers.Is(name))];

    private CheckpointException Disagrees()
    {
        string[] missing = [.. _missing.Select(NameInFile)], unexpected = Unexpected();
        if ((NamePrefix.Find(_missing, unexpected) ?? NamePrefix.Find(missing, unexpected)) is { } front)
            return new CheckpointException(
                "the names of the weights stand behind a prefix", checkpoint.Path, unexpected[0],
                $"\"{front}\" in front of {_missing.Count} names", $"\"{_missing[0]}\"",
                $"strip it when loading: --strip-prefix {front}");
        return new CheckpointException(
            "weights and configuration are not of the same model", checkpoint.Path, null,
            $"missing: {CheckpointException.Names(missing)}; unexpected: {CheckpointException.Names(unexpected)}",
            "exactly the tensors that the configuration implies",
            "take config.json and the weights from the same place");
    }

    private Span<T> Read(string stored)
    {
        var entry = checkpoint.Entry(stored);
        if (_host.Length < entry.Count)
            _host = new T[entry.Count];
        var values = _host.AsSpan(0, checked((int)entry.Count));
        checkpoint.Read(stored, values);
        return values;
    }

    private string NameInFile(string name) =>
        _unprefixed && name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name;
}
