using System.Numerics.Tensors;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

public sealed partial class CrossEntropy<T>
{
    /// <summary>
    /// Room for one chunk of the counted rows, and for its logits over one block of the vocabulary. The chunks are as
    /// long as may be: every block of the head is packed once for each.
    /// </summary>
    private readonly struct Chunk
    {
        private readonly View<int> _counted;        // (N, 1), the first Counted in use
        private readonly View<T> _logits;           // (MostRows, MostWords)

        public Chunk(CpuFrame<T> f, bool hasProduct)
        {
            var targets = f.Ids.Span;
            int columns = f.X(1).Columns;
            Vocabulary = f.X(1).Rows;
            _counted = f.Scratch<int>(new(targets.Length, 1));
            for (int row = 0; row < targets.Length; row++)
                if (targets[row] != Ignored)
                    _counted.Span[Counted++] = row;
            MostRows = Math.Min(CrossEntropy<T>.MostRows, Counted);
            Hidden = f.Scratch(new(MostRows, columns));
            _logits = f.Scratch(new(MostRows, Math.Min(MostWords, Vocabulary)));
            Product = f.Scratch(hasProduct ? new(MostRows, columns) : Shape.Empty);
        }

        /// <summary>Number of counted rows.</summary>
        public int Counted { get; }

        /// <summary>Rows of a full chunk.</summary>
        public int MostRows { get; }

        /// <summary>V.</summary>
        public int Vocabulary { get; }

        /// <summary>The chunk's rows of hidden, (MostRows, C).</summary>
        public View<T> Hidden { get; }

        /// <summary>What <see cref="MultiplyBack"/> forms, (MostRows, C).</summary>
        public View<T> Product { get; }

        /// <summary>The row of the counted row <paramref name="i"/>.</summary>
        public int Row(int i) => _counted.Span[i];

        /// <summary>
        /// Gathers the chunk that begins at counted row <paramref name="first"/>, and says which rows it holds.
        /// </summary>
        public View<int> Gather(CpuFrame<T> f, int first)
        {
            var rows = _counted.SliceRows(first, Math.Min(MostRows, Counted - first));
            for (int i = 0; i < rows.Rows; i++)
                f.X(0).Row(rows.Span[i]).CopyTo(Hidden.Row(i));
            return rows;
        }

        /// <summary>Logits of the chunk over the block that begins at word <paramref name="begin"/>.</summary>
        public View<T> Multiply(CpuFrame<T> f, int rows, int begin)
        {
            var w = f.X(1).SliceRows(begin, Math.Min(MostWords, Vocabulary - begin));
            var logits = _logits.As(new(rows, w.Rows));
            Matmul.Multiply(f.Workers, T.One, Hidden.SliceRows(0, rows), w.Transposed(), logits, accumulate: false);
            return logits;
        }

        /// <summary>Product = or += z W, with what z has become, over one block of the vocabulary.</summary>
        public void MultiplyBack(CpuFrame<T> f, View<T> z, int begin)
        {
            var w = f.X(1).SliceRows(begin, z.Columns);
            Matmul.Multiply(f.Workers, T.One, z, w, Product.SliceRows(0, z.Rows), accumulate: begin > 0);
        }

        /// <summary>dhidden += Product, in the chunk's own rows.</summary>
        public void AddBack(CpuFrame<T> f, View<int> rows)
        {
            for (int i = 0; i < rows.Rows; i++)
            {
                var dx = f.Dx(0).Row(rows.Span[i]);
                TensorPrimitives.Add(dx, Product.Row(i), dx);
            }
        }
    }
}
