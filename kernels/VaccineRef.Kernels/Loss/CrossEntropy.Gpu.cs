using System.Runtime.InteropServices;
using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class CrossEntropy<T> : IGpuOp<T>
{
    private const int GpuChunkElements = 1 << 24, GpuFewestRows = 64, GpuMostRows = 1024;

    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f)
    {
        var chunks = new GpuChunks(f, hasProduct: fusedGradient);
        var (targets, stats) = (f.Ids, f.Scratch<T>(f.X(0).Rows, 3));
        var losses = f.Scratch<double>(f.X(0).Rows, 1);
        for (int first = 0; first < chunks.Counted; first += chunks.Rows)
        {
            var (rows, logits) = chunks.Load(f, first);
            f.Kernels.Launch(f.GroupEach(rows.Columns), SoftmaxKernel, logits, rows, targets, stats);
            if (!fusedGradient)
                continue;
            var product = chunks.Product(rows.Columns);
            GpuMatmul.Multiply(f, T.One, logits, f.X(1), product, accumulate: false);
            f.Kernels.Launch(f.ForEach(product.Count), SlopeKernel, product, rows, targets, stats, f.X(1), f.Saved);
        }

        f.Kernels.Launch(f.ForEach(losses.Count), LossKernel, stats, targets, f.Saved, losses);
        if (reduction == Reduction.None)
            f.Kernels.Launch(f.ForEach(losses.Count), NarrowKernel, losses, f.Y);
        else
            f.Kernels.Launch(f.GroupEach(1), MeanKernel, losses, f.Y, (double)Math.Max(1, chunks.Counted));
    }

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        bool recomputed = f.Wants(0) && !fusedGradient;
        var (targets, saved, dy, w) = (f.Ids, f.Saved, f.Dy, f.X(1));
        T share = reduction == Reduction.Mean ? T.One / T.CreateChecked(Math.Max(1, Counted(f.HostIds))) : T.One;
        if (f.Wants(0) && fusedGradient)
            f.Kernels.Launch(f.ForEach(f.Dx(0).Count), ScaleKernel, saved, targets, dy, share, f.Dx(0));
        if (!recomputed && !f.Wants(1))
            return;
        var chunks = new GpuChunks(f, hasProduct: recomputed);
        for (int first = 0; first < chunks.Counted; first += chunks.Rows)
        {
            var (rows, dz) = chunks.Load(f, first);
            var groups = new Work(new(rows.Columns, 1), new(f.GroupSize, 1));
            f.Kernels.Launch(groups, LogitGradientKernel, dz, rows, targets, saved, dy, share);
            if (recomputed)
            {
                var product = chunks.Product(rows.Columns);
                GpuMatmul.Multiply(f, T.One, dz, w, product, accumulate: false);
                f.Kernels.Launch(f.ForEach(product.Count), ScatterKernel, product, rows, f.Dx(0));
            }

            if (f.Wants(1))
                GpuMatmul.Multiply(f, T.One, dz.Transposed(), chunks.Hidden(rows.Columns), f.Dx(1), accumulate: true);
        }
    }

    /// <summary>
    /// Runs one group for each row of logits. It writes to the row's statistics the maximum m, the sum over j != t of
    /// exp(z_j - m), and z_t - m, and turns the logits into exp(z_j - m), and that of the target into 0.
    /// </summary>
    private static void SoftmaxKernel(GpuView<T> logits, GpuView<int> rows, GpuView<int> targets, GpuView<T> stats)
    {
        int i = Grid.IdxX, row = rows[i], target = targets[row];
        T logit = logits[i, target];
        T max = T.NegativeInfinity, sum = T.Zero;
        for (int j = Group.IdxX; j < logits.Columns; j += Group.DimX)
            max = logits[i, j] > max ? logits[i, j] : max;
        max = GroupSum.Max(max);
        for (int j = Group.IdxX; j < logits.Columns; j += Group.DimX)
            sum += logits[i, j] = j == target ? T.Zero : T.Exp(logits[i, j] - max);
        sum = GroupSum.All(sum);
        if (Group.IdxX > 0)
            return;
        stats[row, 0] = max;
        stats[row, 1] = sum;
        stats[row, 2] = logit - max;
    }

    /// <summary>
    /// Runs one thread for each element of a chunk's product e W, and saves the gradient (product - others W_t) / sum.
    /// </summary>
    private static void SlopeKernel(
        GpuView<T> product, GpuView<int> rows, GpuView<int> targets, GpuView<T> stats, GpuView<T> w, GpuView<T> saved)
    {
        long i = GpuIndex.Thread;
        if (i >= product.Count)
            return;
        int row = rows[i / product.Columns], column = (int)(i % product.Columns);
        T others = stats[row, 1];
        saved[row, 1 + column] = (product[i] - (others * w[targets[row], column])) / (others + T.Exp(stats[row, 2]));
    }

    /// <summary>Runs one thread for each row, counted or not, which forms its log-sum-exp and its loss.</summary>
    private static void LossKernel(GpuView<T> stats, GpuView<int> targets, GpuView<T> saved, GpuView<double> losses)
    {
        long row = GpuIndex.Thread;
        if (row >= losses.Count)
            return;
        bool counted = targets[row] != Ignored;
        double others = GpuDouble.Read(stats, (3 * row) + 1), target = GpuDouble.Read(stats, (3 * row) + 2);
        double log = counted ? Math.Log(others + Math.Exp(target)) : 0;
        GpuDouble.Write(saved, row * saved.Columns, counted ? GpuDouble.Read(stats, 3 * row) + log : 0);
        losses[row] = counted ? log - target : 0;
    }

    private static void NarrowKernel(GpuView<double> losses, GpuView<T> y)
    {
        long row = GpuIndex.Thread;
        if (row < losses.Count)
            GpuDouble.Write(y, row, losses[row]);
    }

    /// <summary>Runs one group, which sums the losses by a fixed tree.</summary>
    private static void MeanKernel(GpuView<double> losses, GpuView<T> y, double counted)
    {
        double sum = 0;
        for (int row = Group.IdxX; row < losses.Rows; row += Group.DimX)
            sum += losses[row];
        sum = GroupSum.All(sum);
        if (Group.IdxX == 0)
            GpuDouble.Write(y, 0, sum / counted);
    }

    /// <summary>Runs one group for each row: dz_j = (p_j - [j = t]) dy, in place of z.</summary>
    private static void LogitGradientKernel(
        GpuView<T> z, GpuView<int> rows, GpuView<int> targets, GpuView<T> saved, GpuView<T> dy, T share)
    {
        int i = Grid.IdxX, row = rows[i], target = targets[row];
        T scale = share * (dy.Rows == 1 ? dy[0] : dy[row]), logarithm = saved[row, 0];
        for (int j = Group.IdxX; j < z.Columns; j += Group.DimX)
        {
            T p = T.Exp(z[i, j] - logarithm);
            z[i, j] = (j == target ? p - T.One : p) * scale;
        }
    }

    /// <summary>
    /// Runs one thread for each element of dhidden, which adds dy times the saved gradient where the row is counted.
    /// </summary>
    private static void ScaleKernel(GpuView<T> saved, GpuView<int> targets, GpuView<T> dy, T share, GpuView<T> dx)
    {
        long i = GpuIndex.Thread;
        if (i >= dx.Count)
            return;
        long row = i / dx.Columns;
        if (targets[row] != Ignored)
            dx[i] += share * (dy.Rows == 1 ? dy[0] : dy[row]) * saved[(int)row, 1 + (int)(i % dx.Columns)];
    }

    private static void GatherKernel(GpuView<T> from, GpuView<int> rows, GpuView<T> to)
    {
        long i = GpuIndex.Thread;
        if (i < to.Count)
            to[i] = from[rows[i / to.Columns], (int)(i % to.Columns)];
    }

    private static void ScatterKernel(GpuView<T> from, GpuView<int> rows, GpuView<T> to)
    {
        long i = GpuIndex.Thread;
        if (i < from.Count)
            to[rows[i / from.Columns], (int)(i % from.Columns)] += from[i];
    }

    /// <summary>The counted rows, and room for one chunk of them, as on the processor.</summary>
    private readonly struct GpuChunks
    {
        private readonly GpuView<int> _counted;             // (1, Counted)
        private readonly GpuView<T> _hidden, _logits, _product;

        public GpuChunks(GpuFrame<T> f, bool hasProduct)
        {
            var (x, w) = (f.X(0), f.X(1));
            var counted = new List<int>(x.Rows);
            for (int row = 0; row < x.Rows; row++)
                if (f.HostIds[row] != Ignored)
                    counted.Add(row);
            Counted = counted.Count;
            _counted = f.Integers(CollectionsMarshal.AsSpan(counted));
            Rows = Math.Min(Math.Clamp(GpuChunkElements / w.Rows, GpuFewestRows, GpuMostRows), Counted);
            _hidden = f.Scratch<T>(Rows, x.Columns);
            _logits = f.Scratch<T>(Rows, w.Rows);
            _product = hasProduct ? f.Scratch<T>(Rows, x.Columns) : default;
        }

        /// <summary>Number of counted rows.</summary>
        public int Counted { get; }

        /// <summary>Number of rows of a full chunk.</summary>
        public int Rows { get; }

        /// <summary>Room for the rows of hidden of a chunk.</summary>
        public GpuView<T> Hidden(int rows) => First(_hidden, rows);

        /// <summary>Room for the product dz W, or e W.</summary>
        public GpuView<T> Product(int rows) => First(_product, rows);

        /// <summary>
        /// Copies the rows of the chunk that begins at a counted row, forms their logits, and says which rows they are,
        /// (1, rows).
        /// </summary>
        public (GpuView<int> Rows, GpuView<T> Logits) Load(GpuFrame<T> f, int first)
        {
            int count = Math.Min(Rows, Counted - first);
            var rows = new GpuView<int>(_counted.Elements.SubView(first, count), 1, count);
            var (hidden, logits) = (Hidden(count), First(_logits, count));
            f.Kernels.Launch(f.ForEach(hidden.Count), GatherKernel, f.X(0), rows, hidden);
            GpuMatmul.Multiply(f, T.One, hidden, f.X(1).Transposed(), logits, accumulate: false);
            return (rows, logits);
        }

        private static GpuView<T> First(GpuView<T> view, int rows) =>
            new(view.Elements.SubView(0, (long)rows * view.Columns), rows, view.Columns);
    }
}
