using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

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
    // Values read at a time. Reading a checkpoint takes two windows on the host and one on the device beside the
    // weights themselves.
    private const int Window = 1 << 18;

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
    private T[] _host = [];          // a window

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
            Each(stored, (first, values) => device.Upload(values, to.Slice(first, Shape.Vector(values.Length))));
        return new(name, checkpoint.Entry(stored).Type);
    }

    /// <inheritdoc/>
    public StoredAs Fill(string name, IReadOnlyList<long> dimensions, Initializer initializer, View<ushort> to)
    {
        name = NameInFile(name);
        if (!_names.TryGetValue(name, out string? stored))
            return default;
        _used.Add(stored);
        using var room = new Arena(device);
        var wide = room.Allocate<T>(Shape.Vector((int)Math.Min(Window, to.Shape.Count)));
        if (!_dry)
            Each(stored, (first, values) =>
            {
                var part = wide.As(Shape.Vector(values.Length));
                device.Upload(values, part);
                device.Run(new NarrowToBFloat16<T>(to.Slice(first, part.Shape)), part);
            });
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
        if (!_dry)
            RequireSame(name, stored, to);
        return new(name, checkpoint.Entry(stored).Type);
    }

    /// <inheritdoc/>
    public void Finish()
    {
        _host = [];
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

    private void RequireSame(string name, string stored, Parameter<T> to)
    {
        var original = new T[Math.Min(Window, to.Shape.Count)];
        Each(stored, (first, values) =>
        {
            var part = original.AsSpan(0, values.Length);
            device.Download(to.Value.Slice(first, Shape.Vector(values.Length)), part);
            if (!values.SequenceEqual(part))
                throw new CheckpointException(
                    "a tied weight is stored twice with different values", checkpoint.Path, name,
                    $"not the values of {to.Name}", "the same values, or one tensor",
                    "set tie_word_embeddings to false in config.json if the two really differ");
        });
    }

    /// <summary>Gives the values of a tensor, a window at a time, with the number of the window's first one.</summary>
    private void Each(string stored, Action<long, ReadOnlySpan<T>> take)
    {
        long count = checkpoint.Entry(stored).Count;
        if (_host.Length < Math.Min(Window, count))
            _host = new T[Math.Min(Window, count)];
        for (long done = 0; done < count; done += Window)
        {
            var values = _host.AsSpan(0, (int)Math.Min(Window, count - done));
            checkpoint.Read(stored, done, values);
            take(done, values);
        }
    }

    private string NameInFile(string name) =>
        _unprefixed && name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name;
}
