namespace VaccineRef.Experiments.Data;

/// <summary>A stream whose next bytes can be looked at before they are read, and which counts what was read.</summary>
/// <param name="inner">What is read.</param>
/// <param name="cancel">Stops the reading of it.</param>
internal sealed class PeekStream(Stream inner, CancellationToken cancel = default) : ReadStream
{
    private const int Most = 4096;

    private readonly byte[] _next = new byte[Most];
    private int _start;
    private int _end;

    /// <summary>How many bytes have come out of the inner stream.</summary>
    public long Count { get; private set; }

    /// <summary>How many bytes have been read.</summary>
    public override long Position
    {
        get => Count - (_end - _start);
        set => throw new NotSupportedException();
    }

    /// <summary>The next bytes: as many as asked for, or those that are left.</summary>
    public ReadOnlySpan<byte> Peek(int count)
    {
        if (_end - _start < count)
        {
            _next.AsSpan(_start.._end).CopyTo(_next);
            (_start, _end) = (0, _end - _start);
            int read;
            while (_end < count && (read = Inner(_next.AsSpan(_end..))) > 0)
                _end += read;
        }

        return _next.AsSpan(_start, Math.Min(count, _end - _start));
    }

    public override int Read(Span<byte> buffer)
    {
        if (_start == _end)
            return Inner(buffer);
        int count = Math.Min(buffer.Length, _end - _start);
        _next.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    private int Inner(Span<byte> buffer)
    {
        cancel.ThrowIfCancellationRequested();
        int read = inner.Read(buffer);
        Count += read;
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }
}
