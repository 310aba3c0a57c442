namespace VaccineRef.Cli.Tests;

public sealed class LawsTests
{
    [Fact]
    public void The_laws_of_an_op_are_a_table_and_a_seed_draws_the_same_cases()
    {
        var outcome = Vaccine.Run("laws", "--op", "gelu", "--seed", "3", "--max-test", "5");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Matches(@"Gelu, tanh +transposed derivative +5 +holds", outcome.Out);
        Assert.Matches(@"Gelu, erf +scalar oracle +0 +not checked", outcome.Out);
        Assert.Contains("not checked: scalar oracle: the op's case has no Expression", outcome.Out);
        Assert.Contains(
            "21 laws hold, 0 are broken, 3 were not checked; --seed 3 --max-test 5 draws the same cases again",
            outcome.Out);
        Assert.DoesNotContain("Rope", outcome.Out);
    }

    [Fact]
    public void The_laws_of_an_op_run_on_a_simulated_gpu()
    {
        var outcome = Vaccine.Run("laws", "--op", "Relu", "--device", "ilgpu-cpu", "--max-test", "1");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Matches("Relu +device +1 +holds", outcome.Out);
        Assert.Matches("Relu +threads +0 +not checked", outcome.Out);
        Assert.Contains("on ilgpu-cpu:", outcome.Out);
    }

    [Fact]
    public void The_rule_vaccine_has_the_laws_of_any_rule_and_those_of_the_step()
    {
        var outcome = Vaccine.Run("laws", "--rule", "vaccine", "--max-test", "2");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Matches("vaccine +plain at zero +2 +holds", outcome.Out);
        Assert.Matches("vaccine step +norm bound +2 +holds", outcome.Out);
        Assert.Matches("vaccine step +merge +2 +holds", outcome.Out);
    }

    /// <summary>
    /// A port that forgets the norm: eps = rho g. The exit code says so, and the line that replays it is printed.
    /// </summary>
    [Fact]
    public void A_port_that_breaks_a_law_fails_and_names_its_seed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The port of this test is a script of /bin/sh.");
        const string Port = "while read -r line; do case \"$line\" in "
            + "*start*) echo '{\"name\": \"sh\", \"offers\": [\"perturb\"]}';; *) echo \"{\\\"epsilon\\\": [[1]]}\";; esac; done";
        var outcome = Vaccine.Run("laws", "--port", Port, "--seed", "5");
        Assert.Equal((1, ""), (outcome.Code, outcome.Error));
        Assert.Matches("sh +rho zero +[0-9]+ +BROKEN +5", outcome.Out);
        Assert.Matches("sh +second pass +0 +not checked", outcome.Out);
        Assert.Contains("smallest case: sites 1", outcome.Out);
        Assert.Contains("--seed 5 draws the same cases again", outcome.Out);
        Assert.Equal(Found(outcome), Found(Vaccine.Run("laws", "--port", Port, "--seed", "5")));
    }

    /// <summary>What was found, without the lines about how far it is.</summary>
    private static string[] Found(Outcome outcome) =>
        [.. outcome.Out.Split('\n').Where(line => !line.StartsWith("laws: ", StringComparison.Ordinal))];

    [Theory]
    [InlineData("there is no such op", "--op", "Softmax")]
    [InlineData("there is no such rule", "--rule", "lizard")]
    [InlineData("a port is checked alone", "--port", "cat", "--device", "cpu")]
    [InlineData("a port is checked alone", "--port", "cat", "--op", "Relu")]
    [InlineData("the port does not start", "--port", "exit 3")]
    [InlineData("--timeout is of a port", "--timeout", "3")]
    [InlineData("at least 1", "--max-test", "0")]
    [InlineData("unknown device", "--device", "tpu")]
    public void Wrong_input_is_named(string message, params string[] args)
    {
        var outcome = Vaccine.Run(["laws", .. args]);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(message, outcome.Error);
    }
}
