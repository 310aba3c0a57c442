using System.CommandLine;
using System.IO.Enumeration;
using Spectre.Console;
using VaccineRef.Core;
using VaccineRef.Verification.Conform;

namespace VaccineRef.Cli.Commands;

/// <summary>vaccine conform: checks another implementation of the method.</summary>
internal static class ConformCommand
{
    public static Command Create()
    {
        var command = new Command("conform", "Check another implementation of Vaccine, quantity by quantity.") { Kit(), Check(), Run() };
        command.AddExamples("vaccine conform kit my-kit", "vaccine conform run --port \"python port.py\"");
        return command;
    }

    private static Command Kit()
    {
        var folder = new Argument<string>("DIR") { Description = "A new or empty folder." };
        var command = new Command("kit", "Write the cases, the schemas, a recorder and an example port.") { folder };
        command.AddExamples("vaccine conform kit my-kit", "vaccine conform kit kits/first");
        command.SetAction(parsed => ExitCode.Of(_ =>
        {
            using var device = new CpuDevice(1);
            string path = parsed.GetRequiredValue(folder);
            ConformKit.Write(path, device);
            Terminal.Open()
                .WriteLine($"{ConformKit.CaseFolders(path).Count} cases in {path}; README.md says how to go on");
            return ExitCode.Done;
        }));
        return command;
    }

    private static Command Check()
    {
        var traces = new Argument<string[]>("TRACE") { Description = "Folders with manifest.json and *.safetensors.", Arity = ArgumentArity.OneOrMore };
        var kit = new Option<string?>("--kit") { Description = "The kit; by default the one that this program writes.", HelpName = "DIR" };
        var outputs = new ConformOutputs();
        var command = new Command("check", "Judge recorded traces; exit 0 if all conform, 1 if not, 2 for wrong input.") { traces, kit };
        outputs.AddTo(command);
        command.AddExamples(
            "vaccine conform check traces/*",
            "vaccine conform check traces/* --kit my-kit --junit found.xml --json found.json");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            using var device = new CpuDevice(1);
            using var place = new KitPlace(parsed.GetValue(kit), device);
            var checker = new ConformanceChecker(device);
            List<CaseReport> reports = [];
            foreach (string trace in parsed.GetRequiredValue(traces))
            {
                cancel.ThrowIfCancellationRequested();
                reports.Add(checker.Check(trace, place.Folder));
            }

            return outputs.Write(parsed, reports);
        }));
        return command;
    }

    private static Command Run()
    {
        var port = new Option<string>("--port") { Description = "The port: a command of the shell that speaks the protocol.", Required = true, HelpName = "COMMAND" };
        var kit = new Option<string?>("--kit") { Description = "The kit; by default the one that this program writes.", HelpName = "DIR" };
        var cases = new Option<string>("--cases") { Description = "Which cases.", DefaultValueFactory = _ => "*", HelpName = "GLOB" };
        var output = new Option<string?>("--traces") { Description = "Keep the traces here.", HelpName = "DIR" };
        var timeout = CommonOptions.Count("--timeout", "Seconds that the port may take over one case.", otherwise: 120);
        var outputs = new ConformOutputs();
        var command = new Command("run", "Run a port over the cases; exit 0, 1 or 2 as check does, 3 if the port crashed.") { port, kit, cases, output, timeout };
        outputs.AddTo(command);
        command.AddExamples(
            "vaccine conform run --port \"python port.py\"",
            "vaccine conform run --port ./port --cases \"*lora*\" --timeout 60");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            using var device = new CpuDevice(1);
            using var place = new KitPlace(parsed.GetValue(kit), device);
            string glob = parsed.GetRequiredValue(cases);
            string[] chosen = [.. ConformKit.CaseFolders(place.Folder)
                .Where(folder => FileSystemName.MatchesSimpleExpression(glob, Path.GetFileName(folder)))];
            if (chosen.Length == 0)
                throw new InputException(
                    "no case has such a name", "--cases", glob,
                    string.Join(", ", ConformKit.CaseFolders(place.Folder).Select(Path.GetFileName)));
            var session = new PortSession(
                parsed.GetRequiredValue(port), place.Folder, TimeSpan.FromSeconds(parsed.GetValue(timeout)),
                line => Console.Error.WriteLine($"port: {line}"));
            string traces = parsed.GetValue(output) ?? place.Scratch("traces");
            return outputs.Write(parsed, session.Run(chosen, traces, new ConformanceChecker(device), cancel: cancel));
        }));
        return command;
    }

    /// <summary>The kit that was named, or one that is written for this run and removed after it.</summary>
    private sealed class KitPlace : IDisposable
    {
        private DirectoryInfo? _scratch;

        public KitPlace(string? folder, Device device)
        {
            Folder = folder ?? Scratch("kit");
            if (folder is null)
                ConformKit.Write(Folder, device);
        }

        public string Folder { get; }

        public string Scratch(string name) =>
            Path.Combine((_scratch ??= Directory.CreateTempSubdirectory("vaccine-conform")).FullName, name);

        public void Dispose() => _scratch?.Delete(recursive: true);
    }
}
