using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// Llama with a head that classifies whole texts: logits = W h, where h is the hidden embedding of a text's last token,
/// and W is (N, C) without bias, with one row for each label. Source: Hugging Face modeling_llama.py,
/// LlamaForSequenceClassification. That code looks for the last token before the padding; here texts are packed without
/// padding.
/// </summary>
public sealed class LlamaForSequenceClassification<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private const string Class = "LlamaForSequenceClassification";

    // About how many values a block keeps for each row and column of the residual stream until the tape is cleared.
    private const int ActivationsPerColumn = 16;

    // How much memory all blocks may keep for one batch of texts. A text that needs more is a batch of its own.
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
        _score = weights.At("score").Get("weight", [Labels.Length, Shape.Hidden], Initializer.Normal(llama.Deviation));
        store.Finish();
    }

    /// <summary>The sizes of the model.</summary>
    public ModelShape Shape { get; }

    /// <summary>
    /// The labels in the order of the logits: id2label if present; otherwise LABEL_0, LABEL_1, ..., num_labels of them
    /// (2 by default).
    /// </summary>
    public ImmutableArray<string> Labels { get; }

    /// <summary>
    /// The task that the logits were trained for, by one of Hugging Face's three names; null if the configuration does
    /// not say.
    /// </summary>
    public string? ProblemType { get; }

    /// <summary>Loads a folder in Hugging Face layout.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="matrices">How the weights of linear layers are stored. The head is always stored in full.</param>
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

    /// <summary>Computes the logits of texts, in batches as large as the memory allows.</summary>
    /// <param name="texts">The token ids of each text, including special tokens but no padding.</param>
    /// <param name="cancel">Stops the work between two batches.</param>
    /// <returns>For each text, the logits in the order of <see cref="Labels"/>.</returns>
    /// <exception cref="InputException">A text is empty or longer than the model's context.</exception>
    /// <exception cref="NonFiniteException">A logit is not finite.</exception>
    /// <exception cref="OperationCanceledException">The work was stopped.</exception>
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

    /// <summary>Frees the weights.</summary>
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
