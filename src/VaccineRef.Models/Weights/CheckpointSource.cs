using System.Numerics;
using System.Text.RegularExpressions;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// Values from a checkpoint, every tensor of which must be asked for. Hugging Face stores a model also without the
/// prefix of its base class ("decoder.layers..." for "model.decoder.layers..."); such names are found too.
/// </summary>
/// <param name="checkpoint">The checkpoint; open as long as parameters are asked for.</param>
/// <param name="device">Where values go.</param>
/// <param name="prefix">The base class's prefix, such as "model.".</param>
public sealed partial class CheckpointSource<T>(Checkpoint checkpoint, Device device, string prefix) : IWeightSource<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly bool _unprefixed =
        !checkpoint.Tensors.Keys.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));
    private readonly HashSet<string> _used = [];
    private readonly List<string> _missing = [];
    private T[] _host = [];

    /// <inheritdoc/>
    public StoredAs Fill(string name, IReadOnlyList<long> dimensions, Initializer initializer, View<T> to)
    {
        name = NameInFile(name);
        if (!checkpoint.Contains(name))
        {
            _missing.Add(name);
            return default;
        }

        device.Upload<T>(Read(name, dimensions), to);
        return new(name, checkpoint.Entry(name).Type);
    }

    /// <inheritdoc/>
    public StoredAs? Tie(string name, Parameter<T> to)
    {
        name = NameInFile(name);
        if (!checkpoint.Contains(name))
            return null;
        var original = new T[to.Shape.Count];
        device.Download(to.Value, original);
        if (!Read(name, to.Dimensions).SequenceEqual(original))
            throw new CheckpointException(
                "a tied weight is stored twice with different values", checkpoint.Path, name,
                $"not the values of {to.Name}", "the same values, or one tensor",
                "set tie_word_embeddings to false in config.json if the two really differ");
        return new(name, checkpoint.Entry(name).Type);
    }

    /// <inheritdoc/>
    public void Finish()
    {
        _host = [];                                    // the largest tensor's room is not kept for the model's life
        string[] unexpected =
            [.. checkpoint.Tensors.Keys.Where(name => !_used.Contains(name) && !Buffer().IsMatch(name))];
        if (_missing.Count + unexpected.Length > 0)
            throw new CheckpointException(
                "weights and configuration are not of the same model", checkpoint.Path, null,
                $"missing: {CheckpointException.Names(_missing)}; unexpected: {CheckpointException.Names(unexpected)}",
                "exactly the tensors that the configuration implies",
                "take config.json and the weights from the same place");
    }

    private Span<T> Read(string name, IReadOnlyList<long> dimensions)
    {
        var entry = checkpoint.Entry(name);
        if (!entry.Shape.SequenceEqual(dimensions))
            throw new CheckpointException(
                "a tensor has another shape than the model", checkpoint.Path, name, entry.ToString(),
                $"[{string.Join(", ", dimensions)}]", "config.json and the weights must come from the same model");
        if (_host.Length < entry.Count)
            _host = new T[entry.Count];
        var values = _host.AsSpan(0, checked((int)entry.Count));
        checkpoint.Read(name, values);
        _used.Add(name);
        return values;
    }

    private string NameInFile(string name) =>
        _unprefixed && name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name;

    // Constants that old versions of transformers stored with the weights.
    [GeneratedRegex(@"(^|\.)(rotary_emb\.inv_freq|attn\.masked_bias|attn\.bias)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Buffer();
}
