namespace VaccineRef.Laws;

/// <summary>A function of matrices, written out in scalars.</summary>
/// <param name="x">The inputs, rows by columns.</param>
/// <param name="ids">The ids.</param>
public delegate Scalar[,] Expression(Scalar[][,] x, int[] ids);

/// <summary>
/// The equations of the ops, each written from its source as plainly as it can be said: sums over indices, no kernels,
/// no tricks.
/// </summary>
public static class Expressions
{
    /// <summary>x + scale y.</summary>
    public static Expression Add(double scale) => (x, _) =>
        Make(Rows(x[0]), Columns(x[0]), (n, c) => x[0][n, c] + (scale * x[1][n, c]));

    /// <summary>x W' + b, or x W + b.</summary>
    public static Expression Linear(bool outIn) => (x, _) =>
        Make(Rows(x[0]), outIn ? Rows(x[1]) : Columns(x[1]), (n, o) =>
        {
            var sum = Scalar.Sum(Range(Columns(x[0])).Select(i => x[0][n, i] * (outIn ? x[1][o, i] : x[1][i, o])));
            return x.Length == 3 ? sum + x[2][0, o] : sum;
        });

    /// <summary>x W' + scaling low B' + b, or with x W.</summary>
    public static Expression AdaptedLinear(double scaling, bool outIn) => (x, _) =>
        Make(Rows(x[0]), Rows(x[3]), (n, o) =>
        {
            var sum = Scalar.Sum(Range(Columns(x[0])).Select(i => x[0][n, i] * (outIn ? x[1][o, i] : x[1][i, o])));
            sum += scaling * Scalar.Sum(Range(Columns(x[2])).Select(r => x[2][n, r] * x[3][o, r]));
            return x.Length == 5 ? sum + x[4][0, o] : sum;
        });

    /// <summary>The rows of a table.</summary>
    public static Expression Embedding(int offset) => (x, ids) =>
        Make(ids.Length, Columns(x[0]), (n, c) => x[0][ids[n] + offset, c]);

    /// <summary>Rows in their places among zeros.</summary>
    public static Expression Scatter(int rows) => (x, ids) =>
        Make(rows, Columns(x[0]), (n, c) => Array.IndexOf(ids, n) is >= 0 and var m ? x[0][m, c] : 0);

    /// <summary>The columns from <paramref name="first"/> on.</summary>
    public static Expression Slice(int first, int count) => (x, _) =>
        Make(Rows(x[0]), count, (n, c) => x[0][n, first + c]);

    /// <summary>x / sqrt(mean(x^2) + eps) w.</summary>
    public static Expression RmsNorm(double epsilon) => (x, _) =>
        Make(Rows(x[0]), Columns(x[0]), (n, c) =>
            x[0][n, c] / Scalar.Sqrt(Mean(Row(x[0], n).Select(v => v * v)) + epsilon) * x[1][0, c]);

    /// <summary>(x - mean) / sqrt(variance + eps) w + b.</summary>
    public static Expression LayerNorm(double epsilon) => (x, _) =>
        Make(Rows(x[0]), Columns(x[0]), (n, c) =>
        {
            var mean = Mean(Row(x[0], n));
            var variance = Mean(Row(x[0], n).Select(v => (v - mean) * (v - mean)));
            return ((x[0][n, c] - mean) / Scalar.Sqrt(variance + epsilon) * x[1][0, c]) + x[2][0, c];
        });

    /// <summary>gate sigmoid(gate) up.</summary>
    public static Expression SwiGlu() => (x, _) =>
        Make(Rows(x[0]), Columns(x[0]), (n, c) => x[0][n, c] / (1 + Scalar.Exp(-x[0][n, c])) * x[1][n, c]);

    /// <summary>x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).</summary>
    public static Expression GeluTanh() => Map(x =>
        0.5 * x * (1 + Scalar.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))));

    /// <summary>max(x, 0).</summary>
    public static Expression Relu() => Map(Scalar.Relu);

    /// <summary>c x.</summary>
    public static Expression Scale(double factor) => Map(x => factor * x);

    /// <summary>The mean of all elements.</summary>
    public static Expression Mean() => (x, _) => Make(1, 1, (_, _) => Mean(x[0].Cast<Scalar>()));

    /// <summary>The squared distance of rows.</summary>
    public static Expression SquaredDistance() => (x, _) =>
        Make(Rows(x[0]), 1, (n, _) => Scalar.Sum(Row(x[0], n).Zip(Row(x[1], n), (a, b) => (a - b) * (a - b))));

    /// <summary>Row by row, the sum of w (x0 - x1)^2.</summary>
    public static Expression WeightedSquaredDistance() => (x, _) => Make(Rows(x[0]), 1, (n, _) => Scalar.Sum(
        Enumerable.Range(0, Columns(x[0]))
            .Select(c => x[2][n, c] * (x[0][n, c] - x[1][n, c]) * (x[0][n, c] - x[1][n, c]))));

    /// <summary>Row by row, KL of softmax(x1) from softmax(x0).</summary>
    public static Expression KlDivergence() => (x, _) =>
        Make(Rows(x[0]), 1, (n, _) => Kl([.. Row(x[0], n)], [.. Row(x[1], n)]));

    /// <summary>The same down the rows of each sequence, column by column.</summary>
    public static Expression KlOverTime() => (x, offsets) => Make(offsets.Length - 1, Columns(x[0]), (s, v) =>
    {
        Scalar[] Column(int i) =>
            [.. Enumerable.Range(offsets[s], offsets[s + 1] - offsets[s]).Select(n => x[i][n, v])];
        return Kl(Column(0), Column(1));
    });

    private static Scalar Kl(Scalar[] z, Scalar[] r)
    {
        Scalar student = Scalar.Sum(z.Select(Scalar.Exp)), teacher = Scalar.Sum(r.Select(Scalar.Exp));
        return Scalar.Sum(z.Zip(r, (a, b) =>
            Scalar.Exp(b) / teacher * (b - Scalar.Log(teacher) - (a - Scalar.Log(student)))));
    }

    /// <summary>x cos(a) + rotate_half(x) sin(a) in each head.</summary>
    public static Expression Rope(int headSize, double[] frequencies) => (x, ids) =>
        Make(Rows(x[0]), Columns(x[0]), (n, c) =>
        {
            int within = c % headSize, half = headSize / 2;
            double angle = ids[n] * frequencies[within % half];
            var rotated = within < half ? -x[0][n, c + half] : x[0][n, c - half];
            return (x[0][n, c] * Math.Cos(angle)) + (rotated * Math.Sin(angle));
        });

    /// <summary>
    /// softmax(q k' scale + mask) v in each head and sequence, query head h using key-value head h / (heads / kv).
    /// </summary>
    public static Expression Attention(int heads, int keyValueHeads, int headSize, double scale, int? window = null) =>
        (x, offsets) => Make(Rows(x[0]), heads * headSize, (n, c) =>
        {
            int query = c / headSize * headSize, key = c / headSize / (heads / keyValueHeads) * headSize;
            int first = Math.Max(offsets.Last(start => start <= n), window is { } w ? n - w + 1 : 0);
            Scalar Score(int j) =>
                scale * Scalar.Sum(Range(headSize).Select(d => x[0][n, query + d] * x[1][first + j, key + d]));
            var weights = Range(n - first + 1).Select(j => Scalar.Exp(Score(j))).ToArray();
            var mixed = weights.Select((weight, j) => weight * x[2][first + j, key + (c % headSize)]);
            return Scalar.Sum(mixed) / Scalar.Sum(weights);
        });

    /// <summary>-log softmax(h W')[target], its mean over the rows whose target is not -100, or row by row.</summary>
    public static Expression CrossEntropy(bool mean) => (x, targets) =>
    {
        var losses = Make(Rows(x[0]), 1, (n, _) => targets[n] == -100 ? 0 : TokenLoss(x[0], x[1], n, targets[n]));
        int counted = targets.Count(target => target != -100);
        return mean ? Make(1, 1, (_, _) => Scalar.Sum(losses.Cast<Scalar>()) / Math.Max(1, counted)) : losses;
    };

    private static Scalar TokenLoss(Scalar[,] hidden, Scalar[,] weight, int n, int target)
    {
        var logits = Range(Rows(weight)).Select(v =>
            Scalar.Sum(Range(Columns(weight)).Select(c => hidden[n, c] * weight[v, c]))).ToArray();
        return Scalar.Log(Scalar.Sum(logits.Select(Scalar.Exp))) - logits[target];
    }

    private static Expression Map(Func<Scalar, Scalar> function) => (x, _) =>
        Make(Rows(x[0]), Columns(x[0]), (n, c) => function(x[0][n, c]));

    private static Scalar Mean(IEnumerable<Scalar> x) =>
        x.ToArray() is { Length: > 0 } all ? Scalar.Sum(all) / all.Length : 0;

    private static Scalar[,] Make(int rows, int columns, Func<int, int, Scalar> element)
    {
        var y = new Scalar[rows, columns];
        foreach (int n in Range(rows))
            foreach (int c in Range(columns))
                y[n, c] = element(n, c);
        return y;
    }

    private static IEnumerable<int> Range(int count) => Enumerable.Range(0, count);

    private static int Rows(Scalar[,] x) => x.GetLength(0);

    private static int Columns(Scalar[,] x) => x.GetLength(1);

    private static IEnumerable<Scalar> Row(Scalar[,] x, int row) => Range(Columns(x)).Select(c => x[row, c]);
}
