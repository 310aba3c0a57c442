using Spectre.Console;

namespace VaccineRef.Cli;

/// <summary>Draws cells as a table.</summary>
internal static class Tables
{
    public static void Write(IEnumerable<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        var table = new Table();
        foreach (string column in header)
            table.AddColumn(Markup.Escape(column));
        foreach (var row in rows)
            table.AddRow([.. row.Select(Markup.Escape)]);
        AnsiConsole.Write(table);
    }
}
