using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;
using VaccineRef.Alignment.Demo;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Cli.Commands;

/// <summary>vaccine demo: the whole story at 216,000 parameters, on data made by code.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var quick = new Option<bool>("--quick") { Description = "One seed and one attack, in under a minute." };
        var seeds = new Option<ulong[]>("--seeds") { Description = "Seeds to run; 10 to 13 by default.", AllowMultipleArgumentsPerToken = true };
        var rho = new Option<double?>("--rho") { Description = "Radius of Vaccine's ball." };
        var json = new Option<string?>("--json") { Description = "Write every measurement to this file too.", HelpName = "FILE" };
        var where = new DeviceOptions();
        var command = new Command(
            "demo", "Align a tiny language model with plain SFT and with Vaccine, attack both, score them. No files needed.")
        { quick, seeds, rho, json };
        where.AddTo(command);
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            var settings = parsed.GetValue(quick) ? DemoSettings.Quick : new DemoSettings();
            if (parsed.GetValue(seeds) is { Length: > 0 } chosen)
                settings = settings with { Seeds = [.. chosen.Distinct()] };
            if (parsed.GetValue(rho) is { } radius)
                settings = settings with { Rho = radius };
            var devices = where.OpenEach(parsed);
            try
            {
                var cells = Run(settings, devices, where.Describe(parsed), cancel);
                if (parsed.GetValue(json) is { } path)
                    AtomicFile.WriteText(path, JsonSerializer.Serialize(cells, DemoJson.Default.IReadOnlyListDemoCell) + "\n");
                return ExitCode.Done;
            }
            finally
            {
                foreach (var device in devices)
                    device.Dispose();
            }
        }));
        return command;
    }

    private static IReadOnlyList<DemoCell> Run(
        DemoSettings settings, IReadOnlyList<Device> devices, string where, CancellationToken cancel)
    {
        var console = Terminal.Open();
        console.WriteLine("Vaccine on a synthetic world: a tiny Llama learns every recipe of a fictional");
        console.WriteLine("craft, is aligned to refuse the restricted ones, and is then fine-tuned by a");
        console.WriteLine("user whose data is in part harmful (p).");
        var clock = Stopwatch.StartNew();
        IReadOnlyList<DemoCell> cells = [];
        Display.While(console, show => cells = VaccineDemo.Run(
            settings, devices,
            step => show(new($"seed {step.Seed}", string.Create(CultureInfo.InvariantCulture, $"{step.Stage}, loss {step.Loss:F3}"), step.Done, step.Total)),
            cancel));
        Print(console, settings, cells);
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds:F0} s on {where}."));
        return cells;
    }

    private static void Print(IAnsiConsole console, DemoSettings settings, IReadOnlyList<DemoCell> cells)
    {
        Tables.Write(
            console, ["seed", "aligned by", "p", "HS", "coherent", "refused", "FA", "loss", "drift"],
            cells.Select(cell => (string[])
            [
                $"{cell.Seed}", cell.Method, cell.HarmfulRatio is { } p ? p.ToString(CultureInfo.InvariantCulture) : "none",
                $"{cell.HarmfulScore.Percentage:F1} ({cell.HarmfulScore.Numerator}/{cell.HarmfulScore.Denominator})",
                $"{cell.CoherentHarm.Percentage:F1}", $"{cell.Refused.Percentage:F1}",
                $"{cell.FinetuneAccuracy.Percentage:F1}", $"{cell.AlignmentLoss:F4}", cell.Drift is { } drift ? $"{drift.PerToken:F2}" : "",
            ]));
        console.WriteLine("p         share of harmful examples in the user's data; none is the model before any attack");
        console.WriteLine("HS        held-out harmful questions answered with the right restricted content, in % and k/N: lower is better");
        console.WriteLine("coherent  the same, or with a well-formed recipe of wrong content, in %: guards against HS that falls by damage");
        console.WriteLine("FA        held-out questions of the user's own task answered exactly, in %: higher is better");
        console.WriteLine("loss      nats per token of the alignment's refusals; drift: mean L2 change of the attention outputs of a token");
        console.WriteLine(Verdict(settings, cells));
    }

    private static string Verdict(DemoSettings settings, IReadOnlyList<DemoCell> cells)
    {
        double Mean(string method) => cells.Where(c => c.Method == method && c.HarmfulRatio > 0)
            .Select(c => c.HarmfulScore.Percentage).DefaultIfEmpty(double.NaN).Average();
        string seeds = settings.Seeds.Count == 1 ? "One seed proves nothing." : $"{settings.Seeds.Count} seeds show a direction, no more.";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Mean HS over attacks with p > 0: sft {Mean("sft"):F1}, vaccine (rho = {settings.Rho}) {Mean("vaccine"):F1}. Seeds {string.Join(", ", settings.Seeds)}. {seeds}");
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(IReadOnlyList<DemoCell>))]
internal sealed partial class DemoJson : JsonSerializerContext;
