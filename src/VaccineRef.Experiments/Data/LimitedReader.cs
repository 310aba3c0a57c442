using System.Text;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Text of which no row may be longer than <see cref="StoredFile.LongestRow"/>, so that no memory is taken for it.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="row">The row that is being read.</param>
internal sealed class LimitedReader(StoredFile file, Func<int> row) : TextReader
{
    private readonly StreamReader _text = new(
        file.Text, Encoding.UTF8, detectEncodingFromByteOrderMarks: false, leaveOpen: true);
    private long _read;

    /// <summary>A row was read, and the next one begins.</summary>
    public void Begin() => _read = 0;

    public override int Peek() => _text.Peek();

    public override int Read()
    {
        int read = _text.Read();
        Count(read < 0 ? 0 : 1);
        return read;
    }

    public override int Read(char[] buffer, int index, int count)
    {
        int read = _text.Read(buffer, index, count);
        Count(read);
        return read;
    }

    private void Count(int read)
    {
        _read += read;
        if (_read > StoredFile.LongestRow)
            throw new DataException(
                "a row of the data is too long", file.Name, row(),
                found: $"more than {StoredFile.LongestRow} characters",
                expected: $"at most {StoredFile.LongestRow} characters", remedy: "break it into several");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _text.Dispose();
        base.Dispose(disposing);
    }
}
