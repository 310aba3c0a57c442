using Spectre.Console;

namespace VaccineRef.Cli;

/// <summary>
/// Draws cells as tables that are no wider than the terminal. Lines do not wrap where that can be avoided: if a table
/// is too wide, rows and columns are swapped, and if necessary it is divided into several tables. In a table of two
/// columns that is still too wide, cells wrap between words, and within a word only where the word alone is too long:
/// nothing is cut.
/// </summary>
internal static class Tables
{
    // The number of characters that the border adds to a column.
    private const int Padding = 3;

    /// <summary>Draws a table.</summary>
    public static void Write(IAnsiConsole console, IEnumerable<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        foreach (var table in Of(console.Profile.Width, header, rows))
            console.Write(table);
    }

    /// <summary>The table, or the tables into which it is divided, for a terminal of some width.</summary>
    public static IEnumerable<Table> Of(int width, IEnumerable<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        string[][] lines = [[.. header], .. rows.Select(row => row.ToArray())];
        if (Widths(lines).Sum() <= width || lines.Length == 1)
        {
            yield return Draw(width, lines);
            yield break;
        }

        string[][] turned = [.. Enumerable.Range(0, lines[0].Length)
            .Select(column => lines.Select(line => line[column]).ToArray())];
        int[] widths = Widths(turned);
        for (int first = 1; first < widths.Length;)
        {
            int end = first + 1;
            while (end < widths.Length && widths[0] + widths[first..(end + 1)].Sum() <= width)
                end++;
            yield return Draw(width, [.. turned.Select(line => (string[])[line[0], .. line[first..end]])]);
            first = end;
        }
    }

    private static int[] Widths(string[][] lines) =>
        [.. Enumerable.Range(0, lines[0].Length)
            .Select(column => lines.Max(line => line[column].GetCellWidth()) + Padding)];

    private static Table Draw(int width, string[][] lines)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (var (text, room) in lines[0].Zip(Rooms(width, lines)))
            table.AddColumn(new TableColumn(new Text(text)) { Width = room });
        foreach (string[] line in lines[1..])
            table.AddRow(line.Select(text => new Text(text)));
        return table;
    }

    /// <summary>The width of each column of a table that is too wide; null for as wide as its text.</summary>
    private static IEnumerable<int?> Rooms(int width, string[][] lines)
    {
        int[] natural = Widths(lines);
        if (natural.Sum() <= width || natural.Length != 2)
            return natural.Select(_ => (int?)null);
        int free = width - (2 * Padding), word = lines.Max(line => line[0].Split(' ').Max(each => each.GetCellWidth()));
        int first = Math.Min(natural[0] - Padding, Math.Max(free / 3, Math.Min(word, free / 2)));
        return [first, free - first];
    }
}
