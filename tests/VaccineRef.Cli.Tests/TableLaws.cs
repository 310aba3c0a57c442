using Spectre.Console;

namespace VaccineRef.Cli.Tests;

/// <summary>Tables on terminals of every width from 40 to 120.</summary>
public sealed class TableLaws
{
    private const int Narrowest = 40, Widest = 120, LongestWord = 14;

    [Property(MaxTest = 200)]
    public Property No_line_is_wider_than_the_terminal_and_no_word_of_a_cell_is_lost_or_broken()
    {
        var words = Gen.Choose(1, LongestWord)
            .SelectMany(length => Gen.Elements('a', 'k', 'é', '7').ArrayOf(length))
            .Select(letters => new string(letters));
        var cell = Gen.Choose(0, 8).SelectMany(count => words.ArrayOf(count)).Select(each => string.Join(' ', each));
        var table = from columns in Gen.Choose(1, 9)
                    from rows in Gen.Choose(1, 6)
                    from cells in cell.ArrayOf(columns).ArrayOf(rows + 1)
                    from width in Gen.Choose(Narrowest, Widest)
                    select (Width: width, Cells: cells);
        return Prop.ForAll(table.ToArbitrary(), drawn =>
        {
            string[] lines = Lines(drawn.Width, drawn.Cells);
            Assert.All(lines, line => Assert.InRange(line.Length, 0, drawn.Width));
            var shown = lines.SelectMany(Words).CountBy(word => word).ToDictionary();
            foreach (var (word, count) in drawn.Cells.SelectMany(row => row).SelectMany(Words).CountBy(word => word))
                Assert.True(
                    shown.GetValueOrDefault(word) >= count, $"{word}, {count} times, in {string.Join('\n', lines)}");
        });
    }

    [Theory]
    [InlineData(40)]
    [InlineData(80)]
    public void A_word_that_is_longer_than_its_column_goes_on_in_the_next_line(int width)
    {
        string path = string.Concat(Enumerable.Range(0, 40).Select(i => $"/folder{i}"));
        string[] lines = Lines(width, [["stage", "file"], ["align", path]]);
        Assert.All(lines, line => Assert.InRange(line.Length, 0, width));
        Assert.Contains(path, string.Concat(lines.Select(line => line.Trim().Split(' ')[^1])));
    }

    private static string[] Lines(int width, string[][] cells)
    {
        using var output = new StringWriter();
        var console = AnsiConsole.Create(
            new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(output) });
        console.Profile.Width = width;
        Tables.Write(console, cells[0], cells[1..]);
        return [.. output.ToString().Split('\n').Select(line => line.TrimEnd('\r', ' '))];
    }

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
