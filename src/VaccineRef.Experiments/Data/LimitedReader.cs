namespace VaccineRef.Experiments.Data;

/// <summary>Text of which no row may be longer than <see cref="StoredFile.LongestRow"/>, so that no memory is taken for it.</summary>
/// <param name="inner">The text.</param>
/// <param name="file">The name of the file.</param>
/// <param name="row">The row that is being read.</param>
internal sealed class LimitedReader(TextReader inner, string file, Func<int> row) : TextReader
{
    private long _read;

    /// <summary>A row was read, and the next one begins.</summary>
    public void Begin() => _read = 0;

    public override int Peek() => inner.Peek();

    public override int Read()
    {
        int read = inner.Read();
        Count(read < 0 ? 0 : 1);
        return read;
    }

    public override int Read(char[] buffer, int index, int count)
    {
        int read = inner.Read(buffer, index, count);
        Count(read);
        return read;
    }

    private void Count(int read)
    {
        _read += read;
        if (_read > StoredFile.LongestRow)
            throw new DataException(
                "a row of the data is too long", file, row(), found: $"more than {StoredFile.LongestRow} characters",
                expected: $"at most {StoredFile.LongestRow} characters", remedy: "break it into several");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }
}
