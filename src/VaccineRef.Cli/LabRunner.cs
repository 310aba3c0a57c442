using System.CommandLine;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Spectre.Console;
using VaccineRef.Experiments.Lab;
using VaccineRef.Reporting;
using VaccineRef.Reporting.TensorBoard;

namespace VaccineRef.Cli;

/// <summary>Runs grids of the lab, shows how far they are, and writes their reports: what vaccine lab and vaccine demo share.</summary>
internal sealed class LabRunner(DeviceOptions where, ParseResult parsed, string cache)
{
    /// <summary>Whether the curves are written for TensorBoard too.</summary>
    public static Option<bool> Events { get; } = new("--tensorboard")
    {
        Description = $"Write the attacks' curves as event files too, in the folder {LabEvents.Folder} beside the report.",
    };

    /// <summary>Runs the grids as one, then writes a report for each.</summary>
    /// <param name="settings">What all cells share; the arithmetic is filled in.</param>
    /// <param name="grids">What to run.</param>
    /// <param name="folder">Where the report of a grid goes.</param>
    /// <param name="alone">One cell at a time, for times that nothing disturbs.</param>
    /// <param name="cancel">Stops it.</param>
    public void Run(
        LabSettings settings, IReadOnlyList<LabGrid> grids, Func<LabGrid, string> folder, bool alone, CancellationToken cancel)
    {
        var console = Terminal.Open();
        var clock = Stopwatch.StartNew();
        var devices = where.OpenEach(parsed);
        var together = alone || devices.Count == 1 ? devices[0] : where.Open(parsed);
        try
        {
            settings = settings with { Arithmetic = where.Arithmetic(parsed) };
            var used = alone ? [devices[0]] : devices;
            IReadOnlyList<LabResult> results = [];
            LabDisplay.While(console, grids[0], show => results = LabRun.Run(
                settings, grids.SelectMany(grid => grid.Cells()), new LabCache(cache), used, show, cancel, together));
            foreach (var grid in grids)
                Write(console, settings, grid, results, used.Count, folder(grid));
            console.WriteLine(string.Create(
                System.Globalization.CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds:F0} s on {where.Describe(parsed)}."));
        }
        finally
        {
            foreach (var device in devices.Append(together).Distinct())
                device.Dispose();
        }
    }

    private void Write(
        IAnsiConsole console, LabSettings settings, LabGrid grid, IReadOnlyList<LabResult> results, int workers, string folder)
    {
        var byHash = results.ToDictionary(result => result.Hash);
        var own = grid.Cells().Select(cell => byHash[LabKeys.Of(settings, cell)] with { Cell = cell }).ToArray();
        var report = new LabReport(grid, settings, LabManifest.Of(settings, grid.Seeds), Machine(workers), own);
        var findings = LabReportWriter.Write(report, folder);
        if (parsed.GetValue(Events))
            LabEvents.Write(report, folder, TimeProvider.System);
        console.WriteLine($"{grid.Preset.Name}{(grid.Preset.Table.Length > 0 ? $" ({grid.Preset.Table})" : "")}: {grid.Preset.Title}. Seeds {string.Join(", ", grid.Seeds)}.");
        Tables.Write(console, LabTable.Header(grid.Preset), LabTable.Rows(grid.Preset, own));
        foreach (string sentence in findings.Verdict)
            console.WriteLine(sentence);
        console.WriteLine($"The report is {Path.Combine(folder, LabReportWriter.Html)}; beside it the same as Markdown and JSON.");
    }

    private LabMachine Machine(int workers)
    {
        string program = Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        int vector = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;
        return new(
            where.Describe(parsed), workers,
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}, {Environment.ProcessorCount} cores, vectors of {vector} bits",
            RuntimeInformation.FrameworkDescription, program);
    }
}
