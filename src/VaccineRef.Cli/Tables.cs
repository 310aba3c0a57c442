using Spectre.Console;

namespace VaccineRef.Cli;

/// <summary>
/// Draws cells as a table whose lines never wrap. If a table is too wide, rows and columns are swapped, and if
/// necessary it is divided into several tables.
/// </summary>
internal static class Tables
{
    // The number of characters that the border adds to a column.
    private const int Padding = 3;

    public static void Write(IAnsiConsole console, IEnumerable<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        string[][] lines = [[.. header], .. rows.Select(row => row.ToArray())];
        if (Widths(lines).Sum() <= console.Profile.Width)
        {
            Draw(console, lines);
            return;
        }

        string[][] turned = [.. Enumerable.Range(0, lines[0].Length).Select(column => lines.Select(line => line[column]).ToArray())];
        int[] widths = Widths(turned);
        for (int first = 1; first < widths.Length;)
        {
            int end = first + 1;
            while (end < widths.Length && widths[0] + widths[first..(end + 1)].Sum() <= console.Profile.Width)
                end++;
            Draw(console, [.. turned.Select(line => (string[])[line[0], .. line[first..end]])]);
            first = end;
        }
    }

    private static int[] Widths(string[][] lines) =>
        [.. Enumerable.Range(0, lines[0].Length).Select(column => lines.Max(line => line[column].Length) + Padding)];

    private static void Draw(IAnsiConsole console, string[][] lines)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (string column in lines[0])
            table.AddColumn(new TableColumn(Markup.Escape(column)));
        foreach (string[] line in lines[1..])
            table.AddRow([.. line.Select(Markup.Escape)]);
        console.Write(table);
    }
}
