namespace VaccineRef.Core;

/// <summary>The team of threads that kernels cut their work for; here a team of one.</summary>
public sealed class Workers(int threads) : IDisposable
{
    private readonly int _threads = threads;

    /// <summary>Number of threads.</summary>
    public int Threads => _threads;

    /// <summary>Runs body(i) for every i below <paramref name="count"/>.</summary>
    public void For(int count, Action<int> body)
    {
        for (int i = 0; i < count && _threads > 0; i++)
            body(i);
    }

    /// <summary>Runs body(start, end) over blocks of fixed size.</summary>
    public void Blocks(int count, int block, Action<int, int> body) =>
        For((count + block - 1) / block, i => body(i * block, Math.Min(count, (i + 1) * block)));

    /// <summary>Adds partial(start, end) over blocks of fixed size.</summary>
    public double Sum(int count, int block, Func<int, int, double> partial)
    {
        double sum = 0;
        Blocks(count, block, (start, end) => sum += partial(start, end));
        return sum;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
