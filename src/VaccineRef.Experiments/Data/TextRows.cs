namespace VaccineRef.Experiments.Data;

/// <summary>
/// Reads one prompt from each line of a text. Blank lines hold no row, but they count when lines are numbered.
/// </summary>
internal static class TextRows
{
    public static IEnumerable<DataRow> From(StoredFile file)
    {
        int number = 0;
        using var text = new LimitedReader(file, () => number + 1);
        while (text.ReadLine() is { } line)
        {
            number++;
            text.Begin();
            if (!string.IsNullOrWhiteSpace(line))
                yield return new(file.Name, number, new OrderedDictionary<string, object?> { [JsonRows.Text] = line });
        }
    }
}
