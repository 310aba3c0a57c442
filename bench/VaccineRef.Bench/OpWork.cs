using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Bench;

/// <summary>
/// Every op that has a derivative, one line each, at a size that a step of shape S or P gives it or, where memory is
/// the bound, at one far beyond the caches. Flops and bytes are those of the table in kernels/README.md.
/// </summary>
/// <param name="Name">The op.</param>
/// <param name="Op">The op for float.</param>
/// <param name="Shapes">Of its inputs.</param>
/// <param name="Forward">Work of a forward call.</param>
/// <param name="Backward">Work of a backward call, every gradient wanted.</param>
/// <param name="Unit">Whether the work is in flops or bytes.</param>
public sealed record OpWork(string Name, Op<float> Op, Shape[] Shapes, double Forward, double Backward, Unit Unit)
    : IWork
{
    private const int N = 16384, C = 1024;                                      // 64 MiB a matrix

    /// <summary>The list.</summary>
    public static readonly OpWork[] All =
    [
        Bytes("Add", new Add<float>(), [new(N, C), new(N, C)], 3, 6),
        Bytes("Scale", new Scale<float>(-1.3), [new(N, C)], 2, 3),
        Bytes("Columns", new Columns<float>(C, C), [new(N, 3 * C)], 2, 3),
        Bytes("Embedding", new Embedding<float>(), [new(N, C)], 2, 3) with { Ids = Numbers(N, below: N) },
        Bytes("RmsNorm", new RmsNorm<float>(1e-5), [new(N, C), Shape.Vector(C)], 2, 6),
        Bytes("LayerNorm", new LayerNorm<float>(1e-5), [new(N, C), Shape.Vector(C), Shape.Vector(C)], 2, 7),
        Bytes("Rope", new Rope<float>(64, RopeFrequencies.Compute(64, 10000)), [new(N, C)], 2, 3) with
        {
            Ids = Numbers(N, below: 256)
        },
        Bytes("SwiGlu", new SwiGlu<float>(), [new(N, C), new(N, C)], 3, 7),
        Bytes("Relu", new Relu<float>(), [new(N, C)], 2, 4),
        Bytes("Gelu, tanh", new Gelu<float>(GeluForm.Tanh), [new(N, C)], 2, 4),
        Bytes("Gelu, erf", new Gelu<float>(GeluForm.Erf), [new(N, C)], 2, 4),
        Bytes("Dropout", new Dropout<float>(0.1), [new(N, C)], 2, 3),
        Bytes("GaussianNoise", new GaussianNoise<float>(0.1), [new(N, C)], 2, 3),
        Bytes("Mean", new Mean<float>(), [new(N, C)], 1, 2),
        Bytes("SquaredDistance", new SquaredDistance<float>(), [new(N, C), new(N, C)], 2, 8),
        Linear("Linear, S gate", 2048, 1024, 384),
        Linear("Linear, P gate", 1000, 2048, 768),
        Linear("Linear, LoRA A", 1000, 8, 768),
        Linear("Linear, LoRA B", 1000, 768, 8),
        Attention("CausalAttention, S", heads: 6, headSize: 64, sequences: 8, length: 256),
        Attention("CausalAttention, P", heads: 12, headSize: 64, sequences: 5, length: 200),
        Attention("CausalAttention, 4096", heads: 6, headSize: 64, sequences: 1, length: 4096),
        Loss("CrossEntropy, S", rows: 1024, columns: 384, vocabulary: 4096),
        Loss("CrossEntropy, P", rows: 500, columns: 768, vocabulary: 32000),
        Loss("CrossEntropy, fused gradient, S", rows: 1024, columns: 384, vocabulary: 4096, fusedGradient: true),
        Loss("CrossEntropy, fused gradient, P", rows: 500, columns: 768, vocabulary: 32000, fusedGradient: true),
    ];

    /// <summary>Token ids, positions, labels or offsets.</summary>
    public int[] Ids { get; init; } = [];

    /// <inheritdoc/>
    public Work Of(string method) => new(method == nameof(Forward) ? Forward : Backward, Unit);

    /// <summary>How BenchmarkDotNet shows it.</summary>
    public override string ToString() => Name;

    // Passes over a matrix (N, C) of float.
    private static OpWork Bytes(string name, Op<float> op, Shape[] shapes, int forward, int backward) =>
        new(name, op, shapes, 4.0 * N * C * forward, 4.0 * N * C * backward, Unit.Byte);

    private static OpWork Linear(string name, int rows, int outputs, int inputs)
    {
        double product = 2.0 * rows * outputs * inputs;
        return new(
            name, new Linear<float>(), [new(rows, inputs), new(outputs, inputs)], product, 2 * product, Unit.Flop);
    }

    private static OpWork Attention(string name, int heads, int headSize, int sequences, int length)
    {
        double pairs = (double)sequences * heads * length * (length + 1) / 2;
        var rows = new Shape(sequences * length, heads * headSize);
        return new(
            name, new CausalAttention<float>(heads, heads, headSize), [rows, rows, rows], 4 * pairs * headSize,
            10 * pairs * headSize,
            Unit.Flop)
        {
            Ids = [.. Enumerable.Range(0, sequences + 1).Select(sequence => sequence * length)],
        };
    }

    private static OpWork Loss(string name, int rows, int columns, int vocabulary, bool fusedGradient = false)
    {
        double product = 2.0 * rows * columns * vocabulary;
        int forward = fusedGradient ? 2 : 1;
        return new(
            name, new CrossEntropy<float>(fusedGradient: fusedGradient), [new(rows, columns), new(vocabulary, columns)],
            forward * product,
            (4 - forward) * product, Unit.Flop)
        {
            Ids = Numbers(rows, below: vocabulary),
        };
    }

    private static int[] Numbers(int count, int below) =>
        [.. Enumerable.Range(0, count).Select(i => RandomStream.FromSeed(3).Below(below, i))];
}
