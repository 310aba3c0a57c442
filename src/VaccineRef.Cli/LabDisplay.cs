using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;
using VaccineRef.Experiments.Lab;

namespace VaccineRef.Cli;

/// <summary>Shows a grid as it fills: a table that is redrawn on a terminal; in a file a line for each finished cell.</summary>
internal static class LabDisplay
{
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(250);

    /// <summary>Shows what <paramref name="work"/> reports until it ends.</summary>
    /// <param name="console">Where.</param>
    /// <param name="grid">The grid whose table is drawn.</param>
    /// <param name="work">The run; it reports one at a time.</param>
    public static void While(IAnsiConsole console, LabGrid grid, Action<Action<LabProgress>> work)
    {
        var clock = Stopwatch.StartNew();
        if (!console.CanRedraw())
        {
            work(at => Line(console, at, clock.Elapsed));
            return;
        }

        var results = new List<LabResult>();
        console.Live(new Text("")).AutoClear(true).Start(context =>
        {
            var drawn = TimeSpan.Zero;
            work(at =>
            {
                if (at.Finished is { } finished)
                    results.Add(finished);
                if (at.Finished is null && clock.Elapsed - drawn < Redraw)
                    return;
                drawn = clock.Elapsed;
                context.UpdateTarget(Draw(grid, at, results, clock.Elapsed));
            });
        });
    }

    private static void Line(IAnsiConsole console, LabProgress at, TimeSpan elapsed)
    {
        if (at.Finished is { } finished)
            console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"cell {at.Done} of {at.Cells}: {Name(finished.Cell)}: HS {finished.Measured.HarmfulScore.Percentage:F1}{Accuracy(finished)}{Left(at, elapsed)}"));
        else if (at.Running.Count == 0)
            console.WriteLine($"{at.Cells} cells, {at.Cached} of them from the cache");
    }

    private static Rows Draw(LabGrid grid, LabProgress at, IReadOnlyCollection<LabResult> results, TimeSpan elapsed)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (string column in LabTable.Header(grid.Preset))
            table.AddColumn(Markup.Escape(column));
        foreach (var row in LabTable.Rows(grid.Preset, results))
            table.AddRow([.. row.Select(Markup.Escape)]);
        IEnumerable<IRenderable> running = at.Running.Select(cell => new Text($"  {Name(cell)}"));
        return new Rows([table, new Text($"{at.Done} of {at.Cells} cells, {at.Cached} from the cache{Left(at, elapsed)}"), .. running]);
    }

    private static string Name(LabCell cell) => cell switch
    {
        { Attack: { } attack } => string.Create(
            CultureInfo.InvariantCulture, $"seed {cell.Seed}, {cell.Size.Name}, {cell.Arm.Name}, attack p = {attack.HarmfulRatio}, n = {attack.Samples}"),
        { Arm.Method: not null } => $"seed {cell.Seed}, {cell.Size.Name}, {cell.Arm.Name}, alignment",
        _ => $"seed {cell.Seed}, {cell.Size.Name}, pre-training",
    };

    private static string Accuracy(LabResult finished) => finished.Measured.FinetuneAccuracy is { } accuracy
        ? string.Create(CultureInfo.InvariantCulture, $", FA {accuracy.Percentage:F1}") : "";

    private static string Left(LabProgress at, TimeSpan elapsed) =>
        at.Work is > 0.01 and < 1 ? $", {elapsed * ((1 - at.Work) / at.Work):hh\\:mm\\:ss} left" : "";
}
