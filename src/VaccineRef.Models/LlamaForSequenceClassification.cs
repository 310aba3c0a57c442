using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// Llama with a head that scores whole texts: logits = W h, where h is the hidden embedding of a text's last token and
/// W is (N, C) without bias, one row for each label. Source: Hugging Face modeling_llama.py,
/// LlamaForSequenceClassification; its search for the last token before the padding has nothing to do here, where rows
/// are packed.
/// </summary>
public sealed class LlamaForSequenceClassification<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private const string Class = "LlamaForSequenceClassification";

    // What a block keeps of a row until the tape is cleared, in values for each column of the stream: about this.
    private const int ActivationsPerColumn = 16;

    // What all blocks may keep of the texts that are read at once; a longer text is read alone.
    private const long MemoryBytes = 1L << 30;

    private static readonly string[] ProblemTypes =
        ["regression", "single_label_classification", "multi_label_classification"];

    private readonly WeightStore<T> _weights;
    private readonly Device _device;
    private readonly LlamaModel<T> _model;
    private readonly Parameter<T> _score;
    private readonly Linear<T> _head = new();

    private LlamaForSequenceClassification(ConfigReader config, WeightStore<T> store, Device device)
    {
        (_weights, _device, Labels) = (store, device, ReadLabels(config));
        var llama = LlamaConfig.Read(config, "llama");
        var weights = new Weights<T>(store);
        Shape = llama.Shape;
        ProblemType = ReadProblemType(config);
        _model = new(llama, weights.At("model"));
        _score = weights.At("score").Get("weight", [Labels.Length, Shape.Hidden], Start.Normal(llama.Deviation));
        store.Finish();
    }

    /// <summary>Sizes.</summary>
    public ModelShape Shape { get; }

    /// <summary>
    /// The labels in the order of the logits: id2label; or LABEL_0, LABEL_1, ... as many as num_labels, which is 2
    /// where absent.
    /// </summary>
    public ImmutableArray<string> Labels { get; }

    /// <summary>
    /// What the logits were trained for, one of Hugging Face's three names; null where the configuration does not say.
    /// </summary>
    public string? ProblemType { get; }

    /// <summary>Loads a folder in Hugging Face layout.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="matrices">How the weights of linear layers are kept; the head is always kept in full.</param>
    /// <exception cref="CheckpointException">
    /// The folder holds another class of model, a setting is not implemented, or weights are missing, left over,
    /// damaged or of another shape.
    /// </exception>
    public static LlamaForSequenceClassification<T> Load(
        string folder, Device device, WeightPrecision matrices = WeightPrecision.Full)
    {
        const string ClassKey = "architectures";
        var config = ConfigReader.Open(folder);
        if (!config.Strings(ClassKey).SequenceEqual([Class]))
            throw config.Unsupported(ClassKey, Class);
        config.RequireAbsentOrEqual("model_type", "llama");
        config.RequirePlainDecoder();
        using var checkpoint = Checkpoint.Open(folder);
        LayerCount.Check(config, "llama", checkpoint);
        var store = new WeightStore<T>(device, new CheckpointSource<T>(checkpoint, device, "model."), matrices);
        try
        {
            return new(config, store, device);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Scores texts, as many at once as memory allows.</summary>
    /// <param name="texts">Token ids of each text, special tokens included; padding is no token.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <returns>For each text the logits of <see cref="Labels"/>.</returns>
    /// <exception cref="InputException">A text is empty or longer than the model's context.</exception>
    /// <exception cref="NonFiniteException">A logit is no finite number.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public IReadOnlyList<double[]> Logits(IReadOnlyList<int[]> texts, CancellationToken cancel = default)
    {
        for (int i = 0; i < texts.Count; i++)
            if (texts[i].Length == 0 || texts[i].Length > Shape.Context)
                throw new InputException(
                    "a text cannot be classified", $"text {i}", $"{texts[i].Length} tokens", $"1 to {Shape.Context}",
                    "cut it");
        long rows = MemoryBytes / ((long)ActivationsPerColumn * Shape.Layers * Shape.Hidden * Unsafe.SizeOf<T>());
        var logits = new List<double[]>(texts.Count);
        using var tape = new Tape<T>(_device);
        while (logits.Count < texts.Count)
        {
            cancel.ThrowIfCancellationRequested();
            int first = logits.Count, end = first + 1;
            for (long length = texts[first].Length; end < texts.Count && (length += texts[end].Length) <= rows; end++)
                continue;
            logits.AddRange(Logits(tape, [.. texts.Skip(first).Take(end - first)], first));
            tape.Clear();
        }

        return logits;
    }

    /// <summary>Gives the weights' memory back.</summary>
    public void Dispose() => _weights.Dispose();

    private IEnumerable<double[]> Logits(Tape<T> tape, int[][] texts, int number)
    {
        var batch = PackedBatch.Pack(texts);
        int[] last = [.. batch.Offsets.Skip(1).Select(end => end - 1)];
        var hidden = _model.Forward(new(tape, new NoTap<T>()), batch, null, last);               // (texts, C)
        var values = new T[texts.Length * Labels.Length];
        _device.Download(tape.Apply(_head, [hidden, tape.Of(_score)]).Value, values.AsSpan());   // (texts, N)
        if (Array.FindIndex(values, value => !T.IsFinite(value)) is >= 0 and var at)
            throw new NonFiniteException("a logit", 0, null, [$"text {number + (at / Labels.Length)}"]);
        return values.Select(double.CreateChecked).Chunk(Labels.Length);
    }

    private static ImmutableArray<string> ReadLabels(ConfigReader config)
    {
        const string Names = "id2label", Count = "num_labels";
        if (config.Section(Names) is not { } names)
            return [.. Enumerable.Range(0, config.Size(Count, 2)).Select(id => $"LABEL_{id}")];
        string[] labels = [.. Enumerable.Range(0, names.Keys.Count()).Select(id => names.String($"{id}"))];
        if (labels.Length == 0)
            throw config.Unsupported(Names, "at least one label");
        return config.Has(Count) && config.Size(Count) != labels.Length
            ? throw config.Unsupported(Count, $"{labels.Length}, as many as {Names} has")
            : [.. labels];
    }

    private static string? ReadProblemType(ConfigReader config)
    {
        const string Key = "problem_type";
        return !config.Has(Key) ? null
            : config.String(Key) is var type && ProblemTypes.Contains(type) ? type
            : throw config.Unsupported(Key, string.Join(", ", ProblemTypes));
    }
}
