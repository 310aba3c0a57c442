using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Verification.Ports;

namespace VaccineRef.Cli.Commands;

/// <summary>
/// The command vaccine laws: checks the laws of ops, rules and the Vaccine step on a device, or those of the step on a
/// port.
/// </summary>
internal static class LawsCommand
{
    private const string StepName = "vaccine step";

    public static Command Create()
    {
        var op = new Option<string?>("--op") { Description = "One op alone, with its variants.", HelpName = "NAME" };
        var rule = new Option<string?>("--rule")
        {
            Description = "One gradient rule alone, by its kind in recipes.",
            HelpName = "NAME",
        };
        var port = new Option<string?>("--port")
        {
            Description = "A Vaccine step in another language: a command of the shell that speaks the protocol.",
            HelpName = "COMMAND",
        };
        var timeout = CommonOptions.Count("--timeout", "Seconds that a port may take over one answer.", otherwise: 60);
        var seed = new Option<ulong?>("--seed")
        {
            Description = "The seed of the cases; by default a new one. A failure names it.",
            HelpName = "S",
        };
        var most = new Option<int?>("--max-test")
        {
            Description = "Cases of each law; by default each law's own number.",
            HelpName = "N",
        };
        most.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }]
                && int.TryParse(text, CultureInfo.InvariantCulture, out int number) && number < 1)
                result.AddError("--max-test takes a number of at least 1");
        });
        var where = new DeviceOptions(products: false);
        var command = new Command(
            "laws",
            "Check the laws of ops, rules and steps on a device, or of a port; exit 0 if all hold, 1 if one is broken.")
        {
            op, rule, port, timeout, seed, most,
        };
        where.AddTo(command);
        command.AddExamples("vaccine laws --device opencl", "vaccine laws --port \"python3 port.py\" --seed 7");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            var options = new LawOptions(parsed.GetValue(seed) ?? (ulong)Random.Shared.Next(), parsed.GetValue(most));
            var (ops, rules) = (parsed.GetValue(op), parsed.GetValue(rule));
            if (parsed.GetValue(port) is { } started)
            {
                if (ops is not null || rules is not null || where.IsGiven(parsed))
                    throw new InputException(
                        "a port is checked alone, in its own process", "--port",
                        "--op, --rule, --device or --threads beside it", "none of them");
                using var step = new PortStep(
                    started, TimeSpan.FromSeconds(parsed.GetValue(timeout)),
                    line => Console.Error.WriteLine($"port: {line}"), cancel);
                return Report(
                    step.Name, Run(VaccineLaws.Run(step, step.Name, options), VaccineLaws.All.Count, cancel), options);
            }

            if (parsed.GetResult(timeout) is { Implicit: false })
                throw new InputException("--timeout is of a port", "--timeout", "no --port", "a --port beside it");
            using var device = where.Open(parsed);
            var (laws, total) = On(device, ops, rules, options);
            return Report($"on {where.Describe(parsed)}", Run(laws, total, cancel), options);
        }));
        return command;
    }

    /// <summary>
    /// The laws of what was asked for: an op, a rule, both; or everything. Each is checked when its turn comes.
    /// </summary>
    private static (IEnumerable<LawResult> Laws, int Total) On(
        Device device, string? op, string? rule, LawOptions options)
    {
        var ops = op is not null ? OpCases.Named(op) : rule is null ? OpCases.All : [];
        RuleCase[] rules = rule is not null ? [RuleCases.Named(rule)] : op is null ? [.. RuleCases.All] : [];
        bool hasStep = rules.Any(one => one.Name == "vaccine");
        int steps = hasStep ? VaccineLaws.All.Count : 0;
        return (Checked(), (ops.Count * OpLaws.All.Count) + (rules.Length * RuleLaws.All.Count) + steps);

        IEnumerable<LawResult> Checked()
        {
            foreach (var result in ops.SelectMany(one => OpLaws.Run(one, device, options)))
                yield return result;
            foreach (var result in rules.SelectMany(one => RuleLaws.Run(one, device, options)))
                yield return result;
            if (!hasStep)
                yield break;
            using var step = new ReferenceStep(device);
            foreach (var result in VaccineLaws.Run(step, StepName, options))
                yield return result;
        }
    }

    private static List<LawResult> Run(IEnumerable<LawResult> laws, int total, CancellationToken cancel)
    {
        List<LawResult> results = [];
        Display.While(Terminal.Open(), report =>
        {
            foreach (var result in laws)
            {
                results.Add(result);
                report(new("laws", $"{result.Subject}, {result.Law}", results.Count, total));
                cancel.ThrowIfCancellationRequested();
            }
        });
        return results;
    }

    private static int Report(string where, List<LawResult> results, LawOptions options)
    {
        var console = Terminal.Open();
        Tables.Write(console, ["subject", "law", "cases", "result", "seed"], results.Select(Cells));
        var notChecked = results.Where(result => result.Outcome == LawOutcome.NotChecked);
        foreach (var ((law, why), times) in notChecked.CountBy(result => (result.Law, result.Message)))
            console.WriteLine($"not checked: {law}: {why}{(times > 1 ? $" ({times} times)" : "")}");
        foreach (var broken in results.Where(result => result.Outcome == LawOutcome.Broken))
            console.WriteLine($"{broken}");
        int Count(LawOutcome outcome) => results.Count(result => result.Outcome == outcome);
        console.WriteLine(
            $"{where}: {Count(LawOutcome.Holds)} laws hold, {Count(LawOutcome.Broken)} are broken, "
            + $"{Count(LawOutcome.NotChecked)} were not checked; --seed {options.Seed}"
            + $"{(options.MaxTest is { } most ? $" --max-test {most}" : "")} draws the same cases again");
        return Count(LawOutcome.Broken) == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static IReadOnlyList<string> Cells(LawResult result) =>
    [
        result.Subject, result.Law, $"{result.Cases}",
        result.Outcome switch { LawOutcome.Holds => "holds", LawOutcome.Broken => "BROKEN", _ => "not checked" },
        result.Outcome == LawOutcome.Broken ? $"{result.Seed}" : "",
    ];
}
