using System.Diagnostics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using static TorchSharp.torch;

namespace VaccineRef.Bench;

/// <summary>
/// The matrix products of the steps' linear layers, forward and backward, here and in libtorch, against the machine's
/// peak.
/// </summary>
internal static class MatmulComparison
{
    private const int Samples = 15;
    private const double SampleFlops = 2e9;          // work of one sample: 10 to 20 ms of one core

    /// <summary>Prints the table.</summary>
    public static void Run(int threads)
    {
        set_num_threads(threads);
        double peak = MachinePeak.MultiplyAdds(threads);
        Console.WriteLine($"{threads} threads; peak of fused multiply-adds {peak:F0} GFLOP/s; {Samples} samples, interleaved: medians, the median of their ratios, the best of peak");
        Console.WriteLine(
            "| layer | product | m x n x k | VaccineRef, GFLOP/s | libtorch | ratio | best, of peak | libtorch |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- |");
        using var device = new CpuDevice(threads);
        foreach (var (layer, rows, outputs, inputs) in LayerShape.All)
        {
            Compare(device, peak, layer, "NT", rows, outputs, inputs, false, true);          // y = x W'
            Compare(device, peak, layer, "NN", rows, inputs, outputs, false, false);         // dx = dy W
            Compare(device, peak, layer, "TN", outputs, inputs, rows, true, false);          // dW = dy' x
        }
    }

    private static void Compare(
        CpuDevice device, double peak, string layer, string product, int m, int n, int k, bool transposeA,
        bool transposeB)
    {
        using var scope = NewDisposeScope();
        using var arena = new Arena(device);
        using var gradients = no_grad();
        View<float> Random(int rows, int columns, string name)
        {
            var view = arena.Allocate<float>(new Shape(rows, columns));
            device.Run(new FillNormal<float>(RandomStream.FromSeed(1).At(name), 1), view);
            return view;
        }

        View<float> a = transposeA ? Random(k, m, "a") : Random(m, k, "a"),
            b = transposeB ? Random(n, k, "b") : Random(k, n, "b");
        var c = arena.Allocate<float>(new Shape(m, n), clear: true);
        Tensor Copy(View<float> view, bool transpose)
        {
            var copy = tensor(view.Span.ToArray(), [view.Rows, view.Columns]);
            return transpose ? copy.t() : copy;
        }

        Tensor first = Copy(a, transposeA), second = Copy(b, transposeB), result = zeros(m, n);
        Matrix<float> left = transposeA ? a.Transposed() : a, right = transposeB ? b.Transposed() : b;
        void Ours() => Matmul.Multiply(device.Workers, 1f, left, right, c, accumulate: false);
        void Theirs() => result.addmm_(first, second, 0, 1);

        double flops = 2.0 * m * n * k;
        int repeats = (int)Math.Max(1, SampleFlops / flops);
        var (here, there) = (new List<double>(), new List<double>());
        for (int sample = -2; sample < Samples; sample++)
        {
            double ours = Seconds(Ours, repeats), theirs = Seconds(Theirs, repeats);
            if (sample < 0)
                continue;
            here.Add(flops / ours / 1e9);
            there.Add(flops / theirs / 1e9);
        }

        double largest = (Copy(c, false) - result).abs().max().item<float>(), bound = 1e-5 * k;
        if (!(largest <= bound))
            throw new InvalidOperationException(
                $"{layer} {product}: the products differ by {largest}, more than {bound}.");
        double ratio = StepComparison.Median(here.Zip(there, (ours, theirs) => ours / theirs));
        Console.WriteLine($"| {layer} | {product} | {m} x {n} x {k} | {StepComparison.Median(here):F0} | {StepComparison.Median(there):F0} "
            + $"| {ratio:F2} | {here.Max() / peak:P0} | {there.Max() / peak:P0} |");
    }

    private static double Seconds(Action product, int repeats)
    {
        StepComparison.Rest();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
            product();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
    }
}
