using VaccineRef.Core;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Collects what is wrong with the rows of a file in one pass. The first few are kept to be named, the rest is counted,
/// up to a number at which nobody reads on.
/// </summary>
internal sealed class BadRows(string file)
{
    /// <summary>How many are named.</summary>
    public const int Named = 10;

    /// <summary>At how many reading stops.</summary>
    public const int Most = 1000;

    private readonly List<DataException> _first = [];
    private int _count;

    /// <summary>Goes through rows, and does something with each. A row that cannot be read or used is noted.</summary>
    /// <param name="rows">The rows; where reading them fails there are no more.</param>
    /// <param name="use">What is done; false where no further row is wanted.</param>
    /// <exception cref="DataException">One row was wrong.</exception>
    /// <exception cref="DataRowsException">Several were.</exception>
    public void Each(IEnumerable<DataRow> rows, Func<DataRow, bool> use)
    {
        using var row = rows.GetEnumerator();
        bool more = true;
        while (more && _count < Most)
        {
            bool isRead = false;
            try
            {
                if (!row.MoveNext())
                    break;
                isRead = true;
                more = use(row.Current);
            }
            catch (DataException error)
            {
                _count++;
                if (_first.Count < Named)
                    _first.Add(error);
                more = isRead;
            }
        }

        if (_count > 0)
            throw _count == 1 ? _first[0] : new DataRowsException(file, _first, _count, _count < Most);
    }
}

/// <summary>Several rows of a file are wrong.</summary>
/// <param name="file">The file.</param>
/// <param name="first">What is wrong with the first of them.</param>
/// <param name="count">How many are wrong.</param>
/// <param name="isAll">Whether the file was read to its end; otherwise there may be more.</param>
public sealed class DataRowsException(string file, IReadOnlyList<DataException> first, int count, bool isAll)
    : InputException(Compose(file, first, count, isAll), inner: first[0])
{
    /// <summary>What is wrong with each of the first rows.</summary>
    public IReadOnlyList<DataException> Rows => first;

    /// <summary>
    /// What is wrong, each by itself: rows with which the same is wrong are one, and the last says how many more there
    /// are.
    /// </summary>
    public IEnumerable<InputException> Each =>
        Parts(file, first, count, isAll).Select(part => new InputException(part));

    private static string Compose(string file, IReadOnlyList<DataException> first, int count, bool isAll)
    {
        string[] parts = [.. Parts(file, first, count, isAll)];
        return parts is [var only] ? only : string.Join(
            Environment.NewLine, parts.Select((part, i) => $"{i + 1}. {part}")
                .Prepend($"{Number(count, isAll)} rows of {file} cannot be used"));
    }

    private static IEnumerable<string> Parts(string file, IReadOnlyList<DataException> first, int count, bool isAll)
    {
        var alike = first.GroupBy(error => Split(error, out _));
        foreach (var group in alike)
            yield return group.Count() == 1 ? group.First().Message : Together([.. group]);
        if (count > first.Count)
            yield return $"{Number(count - first.Count, isAll)} more rows of {file} cannot be used";
    }

    // The message around the number of the row.
    private static (string Before, string After) Split(DataException error, out string row)
    {
        row = $", row {error.Row}";
        int at = error.Row is null ? -1 : error.Message.IndexOf(row, StringComparison.Ordinal);
        return at < 0 ? (error.Message, "") : (error.Message[..at], error.Message[(at + row.Length)..]);
    }

    private static string Together(DataException[] alike)
    {
        var (before, after) = Split(alike[0], out _);
        return $"{before}, rows {string.Join(", ", alike.Select(error => error.Row))}{after}";
    }

    private static string Number(int count, bool isAll) => $"{(isAll ? "" : "at least ")}{count}";
}
