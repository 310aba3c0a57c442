using System.Diagnostics;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Testing;
using VaccineRef.Verification.Ports;

namespace VaccineRef.Verification.Tests.Ports;

/// <summary>
/// Ports as child processes under the laws: correct ones, ones with planted faults, and ones that misbehave.
/// </summary>
public sealed class PortLawTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly string Folder = Path.Combine(Repository.Root, "examples", "ports", "laws");

    [Fact]
    public void The_Python_port_of_the_examples_obeys_every_law()
    {
        using var port = new PortStep($"{Python()} -B \"{Path.Combine(Folder, "port.py")}\"", Patience, Log);
        Assert.All(VaccineLaws.Check(port, port.Name), result => Assert.Equal(LawOutcome.Holds, result.Outcome));
    }

    /// <summary>The example, with one function replaced.</summary>
    [Theory]
    [InlineData(
        "port.perturb = lambda g, rho: [[rho * v / (sum(u * u for u in s) ** .5 + 1e-7) for v in s] for s in g]",
        "norm bound")]
    [InlineData("port.perturb = lambda g, rho: [[v * float('nan') for v in s] for s in g]", "zero gradient")]
    [InlineData("port.Model.gradients = lambda m, b, e=(), old=port.Model.gradients: old(m, b, ())", "second pass")]
    [InlineData("port.GUARD = 0", "zero gradient")]
    public void A_fault_planted_in_Python_is_named(string fault, string law)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The command is quoted for /bin/sh.");
        string code = $"import sys; sys.path.insert(0, '{Folder}'); import port; {fault}; port.main()".Replace(
            "\"", "\\\"", StringComparison.Ordinal);
        using var port = new PortStep($"{Python()} -B -c \"{code}\"", Patience, Log);
        var result = VaccineLaws.Named(law).Run(port, port.Name);
        Assert.True(result.Outcome == LawOutcome.Broken, $"{result}");
    }

    [Theory]
    [InlineData(Fault.Nothing)]
    [InlineData(Fault.NormPerLayer, "norm bound", "rise", "no better direction")]
    [InlineData(Fault.WrongSign, "rise", "no better direction")]
    [InlineData(Fault.RhoIgnored, "norm bound", "rho zero")]
    [InlineData(Fault.FirstPassKept, "second pass", "plain at rho zero")]
    [InlineData(Fault.StaleEpsilon, "second pass")]
    [InlineData(Fault.AccumulationLost, "accumulation")]
    [InlineData(Fault.ExtraPass, "passes")]
    [InlineData(Fault.MergesWithoutScale, "merge")]
    public void A_fault_planted_in_CSharp_is_named(Fault fault, params string[] laws)
    {
        using var port = new PortStep(LawPort.Command(fault), Patience, Log);
        var broken = VaccineLaws.Run(port, port.Name, new(MaxTest: 8))
            .Where(result => result.Outcome == LawOutcome.Broken);
        string[] names = [.. broken.Select(result => result.Law)];
        Assert.Empty(laws.Except(names));
        Assert.Equal(laws.Length == 0, names.Length == 0);
    }

    /// <summary>
    /// A crash, a silence, nonsense and a reported error each break the law under way, and the next law is checked.
    /// </summary>
    [Theory]
    [InlineData("exit 7", "exit code 7")]
    [InlineData("sleep 30", "within 1 s")]
    [InlineData("echo what?", "no JSON")]
    [InlineData("echo '{\"error\": \"no such thing\"}'", "reports: no such thing")]
    [InlineData("echo '{\"epsilon\": 3}'", "a list of numbers for each site")]
    [InlineData("echo '{\"epsilon\": [[\"a\"]]}'", "as numbers")]
    [InlineData("echo '{\"epsilon\": []}'", "eps has the sizes []")]
    public void A_port_that_misbehaves_breaks_the_law_under_way(string behaviour, string message)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The port of this test is a script of /bin/sh.");
        string script = "while read -r line; do case \"$line\" in *start*) echo '{\"offers\": [\"perturb\"]}';; *) "
            + behaviour + ";; esac; done";
        using var port = new PortStep(script, TimeSpan.FromSeconds(1), Log);
        foreach (string law in (string[])["norm bound", "rho zero"])
        {
            var result = VaccineLaws.Named(law).Run(port, port.Name);
            Assert.Equal(LawOutcome.Broken, result.Outcome);
            Assert.Contains(message, result.Message, StringComparison.Ordinal);
        }

        var notOffered = VaccineLaws.Named("second pass").Run(port, port.Name);
        Assert.Equal((LawOutcome.NotChecked, 0), (notOffered.Outcome, notOffered.Cases));
    }

    [Theory]
    [InlineData("exit 3", "exit code 3")]
    [InlineData("read line; echo '{\"offers\": [\"gradient\"]}'; cat", "gradients")]
    [InlineData("read line; echo '{\"offers\": [], \"dtype\": \"int8\"}'; cat", "float32")]
    public void A_port_that_does_not_start_is_wrong_input(string script, string message)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The port of this test is a script of /bin/sh.");
        var error = Assert.Throws<InputException>(() => new PortStep(script, TimeSpan.FromSeconds(5), Log));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// A law allows for the rounding and the guard that the port says it has; 2^-52 and 1e-7 where it says nothing.
    /// </summary>
    [Theory]
    [InlineData("", 1e-7, -52)]
    [InlineData(", \"dtype\": \"float64\", \"guard\": 1e-12", 1e-12, -52)]
    [InlineData(", \"dtype\": \"float32\"", 1e-7, -23)]
    [InlineData(", \"guard\": 0, \"dtype\": \"float32\"", 0, -23)]
    public void What_a_port_says_of_its_arithmetic_is_taken(string said, double guard, int exponent)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The port of this test is a script of /bin/sh.");
        using var port = new PortStep($"read line; echo '{{\"offers\": []{said}}}'; cat", TimeSpan.FromSeconds(5), Log);
        Assert.Equal((guard, Math.ScaleB(1, exponent)), (port.Guard, port.MachineEpsilon));
    }

    /// <summary>
    /// Every message of a session with a port that keeps a record, and every answer, is what the schema says.
    /// </summary>
    [Fact]
    public void The_messages_are_what_the_schema_says()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The record is kept by a shell.");
        string record = Path.GetTempFileName();
        try
        {
            using (var port = new PortStep(
                $"tee {record} | {LawPort.Command(Fault.Nothing).Replace("exec ", "", StringComparison.Ordinal)}",
                Patience, Log))
                VaccineLaws.Check(port, port.Name, new(MaxTest: 1));
            var schema = JsonNode.Parse(File.ReadAllText(Path.Combine(
                Repository.Root, "src", "VaccineRef.Verification", "Kit", "laws-port.schema.json")))!["$defs"]!;
            var step = new PlantedStep(Fault.Nothing);
            HashSet<string> commands = [];
            foreach (var message in File.ReadLines(record).Select(line => JsonNode.Parse(line)!.AsObject()))
            {
                string command = (string)message["command"]!;
                commands.Add(command);
                Assert.Null(JsonSchema.Violation(schema[command]!, message, command));
                if (command != "stop")
                {
                    var answer = JsonNode.Parse(LawPort.Answer(step, message).ToJsonString());
                    Assert.Null(JsonSchema.Violation(schema[$"{command}_answer"]!, answer, command));
                }
            }

            var described = schema.AsObject().Select(entry => entry.Key)
                .Where(key => key != "refusal" && !key.EndsWith("_answer", StringComparison.Ordinal));
            Assert.Equal(described.Order(), commands.Order());
        }
        finally
        {
            File.Delete(record);
        }
    }

    private static void Log(string line) => TestContext.Current.SendDiagnosticMessage(line);

    private static string Python()
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo("python3", ["-c", ""]) { RedirectStandardError = true })!;
            process.WaitForExit();
            Assert.SkipUnless(process.ExitCode == 0, "python3 does not start here.");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("There is no python3 here.");
        }

        return "python3";
    }
}
