using System.CommandLine;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;
using VaccineRef.Core;
using VaccineRef.Verification;

namespace VaccineRef.Cli.Commands;

/// <summary>
/// The command vaccine verify: computes again what PyTorch and the official trainer computed, and compares.
/// </summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var golden = new Option<string>("--golden") { Description = "A folder of golden cases.", Required = true, HelpName = "DIR" };
        var precision =
            new Option<string>("--precision") { Description = "double or float.", DefaultValueFactory = _ => "double" };
        precision.AcceptOnlyFromAmong("double", "float");
        var json = new JsonOption();
        var where = new DeviceOptions();
        var command = new Command("verify", "Recompute every golden case; exit 0 only if all numbers agree.") { golden, precision, json.Option };
        where.AddTo(command);
        command.AddExamples(
            "vaccine verify --golden tests/golden",
            "vaccine verify --golden tests/golden --precision float --json found.json");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            using var device = where.Open(parsed);
            string folder = parsed.GetRequiredValue(golden);
            bool shows = !json.Prints(parsed);
            var found = parsed.GetValue(precision) == "float"
                ? Verify<float>(folder, device, shows, cancel)
                : Verify<double>(folder, device, shows, cancel);
            json.Write(parsed, () => JsonSerializer.Serialize(found, VerifyJson.Default.ListVerifyRow));
            return found.All(row => row.Passed) ? ExitCode.Done : ExitCode.Failed;
        }));
        return command;
    }

    private static List<VerifyRow> Verify<T>(string folder, Device device, bool shows, CancellationToken cancel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var verifier = new GoldenVerifier<T>(device);
        var console = Terminal.Open();
        List<VerifyRow> rows = [];
        foreach (string path in GoldenVerifier<T>.Cases(folder))
        {
            cancel.ThrowIfCancellationRequested();
            var compared = verifier.Verify(path);
            rows.AddRange(compared.Select(c => new VerifyRow(
                c.Case, c.Quantity, double.IsFinite(c.Error) ? c.Error : null, c.Bound, c.Measure, c.Passed, c.Where,
                c.Note)));
            if (!shows)
                continue;
            console.WriteLine($"{Path.GetFileName(Path.TrimEndingDirectorySeparator(path))}, {(typeof(T) == typeof(float) ? "float" : "double")}");
            Tables.Write(console, ["quantity", "worst error", "bound", "measure", ""], compared.Select(Cells));
            foreach (var c in compared.Where(c => !c.Passed || c.Note is not null))
                console.WriteLine($"  {c.Quantity}: {string.Join("; ", new[] { c.Passed ? null : c.Where, c.Note }.OfType<string>())}");
        }

        int failed = rows.Count(row => !row.Passed);
        if (shows)
            console.WriteLine($"{rows.Count - failed} of {rows.Count} quantities within their bounds");
        return rows;
    }

    private static IReadOnlyList<string> Cells(Comparison c) =>
    [
        c.Quantity, $"{c.Error:0.0e+00}", $"{c.Bound:0.0e+00}", c.Measure, c.Passed ? "pass" : "FAIL",
    ];
}

/// <summary>One comparison, as it is written to a file. The error is null if it is not a finite number.</summary>
internal sealed record VerifyRow(
    string Case, string Quantity, double? Error, double Bound, string Measure, bool Passed, string? Where,
    string? Note);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(List<VerifyRow>))]
internal sealed partial class VerifyJson : JsonSerializerContext;
