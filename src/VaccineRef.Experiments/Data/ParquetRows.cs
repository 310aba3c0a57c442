using System.Runtime.ExceptionServices;
using Parquet.Serialization;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Reads rows from Apache Parquet. Fields may hold text, flags, numbers, or groups of them, such as the categories of
/// BeaverTails.
/// </summary>
internal static class ParquetRows
{
    // far less than any machine reads; how much it reads was not measured
    private const double SlowestBytesPerSecond = 1 << 20;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    public static IEnumerable<DataRow> From(StoredFile file)
    {
        IEnumerable<IDictionary<string, object>> records;
        try
        {
            // The stream is in memory, so that nothing has to be awaited and the task is complete when the call
            // returns.
            using var stream = file.Whole();
            ParquetFooter.Require(stream.GetBuffer().AsSpan(0, (int)stream.Length));
            records = Watched(
                () => ParquetSerializer.DeserializeUntypedAsync(stream).GetAwaiter().GetResult().Data, stream.Length);
        }
        // The Parquet reader does not document what it throws.
        catch (Exception error) when (error is not (OutOfMemoryException or DataException
            or OperationCanceledException))
        {
            throw new DataException("a parquet file cannot be read", file.Name, found: error.Message, inner: error);
        }

        return records.Select((record, i) => new DataRow(file.Name, i + 1, Fields(record)));
    }

    /// <summary>
    /// The library takes what stands in the file for the type that should stand there, and where it is another it may
    /// read for ever. It is given a thread of its own, which is left behind if it comes to no end.
    /// </summary>
    private static T Watched<T>(Func<T> read, long bytes)
    {
        var (result, error) = (default(T), default(ExceptionDispatchInfo));
        var reading = new Thread(() =>
        {
            try
            {
                result = read();
            }
            catch (Exception thrown)
            {
                error = ExceptionDispatchInfo.Capture(thrown);
            }
        })
        { IsBackground = true };
        reading.Start();
        if (!reading.Join(Patience + TimeSpan.FromSeconds((double)bytes / SlowestBytesPerSecond)))
            throw new InvalidDataException("the reading comes to no end");
        error?.Throw();
        return result!;
    }

    private static OrderedDictionary<string, object?> Fields(IDictionary<string, object> record)
    {
        var fields = new OrderedDictionary<string, object?>(record.Count);
        foreach (var (name, value) in record)
            fields.Add(name, Value(value));
        return fields;
    }

    private static object? Value(object? value) => value switch
    {
        string or bool or long or double or decimal or null => value,
        sbyte or byte or short or ushort or int or uint => Convert.ToInt64(value, null),
        float single => (double)single,
        IDictionary<string, object> nested => Fields(nested),
        System.Collections.IEnumerable list => list.Cast<object?>().Select(Value).ToArray(),
        IFormattable other => other.ToString(null, System.Globalization.CultureInfo.InvariantCulture),
        _ => new[] { value },
    };
}
