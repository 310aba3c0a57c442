using System.Text.RegularExpressions;

namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>
/// A run that is divided among ranks: rank 0 writes, and the files are those of one rank, also where the number changes
/// on the way.
/// </summary>
public sealed partial class RankRunTests
{
    private static readonly string[] Set =
    [
        "align.training.batch_size=1", "align.training.accumulation=4", "attack.training.batch_size=1",
        "attack.training.accumulation=4", "align.rule.norm=world",
    ];

    [Fact]
    public void Any_number_of_ranks_writes_the_same_files()
    {
        using var one = new StoppedRun(Set);
        one.Run();
        var expected = Files(one);
        Assert.Contains(expected.Keys, name => name.EndsWith("adapter_model.safetensors", StringComparison.Ordinal));
        foreach (int ranks in (int[])[2, 4])
        {
            using var divided = new StoppedRun(Set);
            divided.RunOn(ranks);
            Assert.Equal(expected, Files(divided));
        }
    }

    /// <summary>Whichever rank is stopped, all stop after the same step; then fewer or more of them go on.</summary>
    [Theory]
    [InlineData("align", 1, 0, 2, 4)]
    [InlineData("align", 2, 1, 4, 1)]
    [InlineData("attack", 1, 1, 2, 3)]
    public void A_run_goes_on_on_another_number_of_ranks(string stage, int step, int stopped, int before, int after)
    {
        using var one = new StoppedRun(Set);
        one.Run();
        using var divided = new StoppedRun(Set);
        using var cancel = new CancellationTokenSource();
        var steps = new int[before];
        divided.RunOn(before, (rank, at) =>
        {
            if (at.Running is [{ Last: { } last } running] && running.Stage.Name == stage)
            {
                steps[rank] = last.Step;
                if (rank == stopped && last.Step == step)
                    cancel.Cancel();
            }
        }, rank => rank == stopped ? cancel.Token : default);
        Assert.All(steps, each => Assert.Equal(step, each));
        divided.RunOn(after);
        Assert.Equal(Files(one), Files(divided));
    }

    [Fact]
    public void A_stage_that_diverges_fails_on_every_rank()
    {
        string[] wild = [.. Set, "align.training.learning_rate=1e300", "align.training.max_gradient_norm=0",
            "align.training.warmup_ratio=0"];
        using var one = new StoppedRun(wild);
        using var divided = new StoppedRun(wild);
        string said = "";
        var found = new List<string>();
        one.Run(progress: at => said = string.Join(' ', at.Results.Keys));
        divided.RunOn(3, (_, at) =>
        {
            lock (found)
                found.Add(string.Join(' ', at.Results.Keys));
        });
        Assert.Equal(said, found[^1]);
        Assert.Equal(Files(one), Files(divided));
    }

    /// <summary>The files without times and what a process holds; a checkpoint has both inside.</summary>
    private static Dictionary<string, string> Files(StoppedRun run) => run.Files()
        .Where(each => !Path.GetFileName(each.Key).StartsWith("checkpoint-", StringComparison.Ordinal))
        .ToDictionary(
            each => each.Key, each => Held().Replace(each.Value.Replace(run.Folder, "", StringComparison.Ordinal), ""));

    [GeneratedRegex("\"peak_bytes\": ?\\d+")]
    private static partial Regex Held();
}
