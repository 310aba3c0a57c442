using BenchmarkDotNet.Attributes;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Bench;

/// <summary>The matrix product over shapes in use, in all three orientations of a linear layer: y, dx, dW.</summary>
public class MatmulBenchmarks
{
    private CpuDevice _device = null!;
    private Arena _arena = null!;
    private View<float> _x, _w, _y;

    [ParamsSource(nameof(Layers))]
    public LayerShape Layer { get; set; } = null!;

    [ParamsSource(typeof(Teams), nameof(Teams.Sizes))]
    public int Threads { get; set; }

    public static LayerShape[] Layers => LayerShape.All;

    [GlobalSetup]
    public void Setup()
    {
        _device = new CpuDevice(Threads);
        _arena = new Arena(_device);
        View<float> Random(int rows, int columns, string name)
        {
            var view = _arena.Allocate<float>(new Shape(rows, columns));
            _device.Run(new FillNormal<float>(RandomStream.FromSeed(1).At(name), 1), view);
            return view;
        }

        _x = Random(Layer.Rows, Layer.Inputs, "x");
        _w = Random(Layer.Outputs, Layer.Inputs, "w");
        _y = Random(Layer.Rows, Layer.Outputs, "y");
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _arena.Dispose();
        _device.Dispose();
    }

    /// <summary>y = x W', 2 N in out flops; so are the others.</summary>
    [Benchmark(Description = "NT: y = x W'")]
    public void Forward() => Matmul.Multiply(_device.Workers, 1f, _x, _w.Transposed(), _y, accumulate: false);

    [Benchmark(Description = "NN: dx = dy W")]
    public void BackwardInput() => Matmul.Multiply(_device.Workers, 1f, _y, _w, _x, accumulate: false);

    [Benchmark(Description = "TN: dW = dy' x")]
    public void BackwardWeight() => Matmul.Multiply(_device.Workers, 1f, _y.Transposed(), _x, _w, accumulate: false);
}
