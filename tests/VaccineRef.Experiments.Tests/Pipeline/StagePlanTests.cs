namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>A hash changes with everything that determines what a stage finds, and with nothing else.</summary>
public sealed class StagePlanTests
{
    private const string One = "grid=null";

    // What is changed, and whether it bears on: the model, the base, the alignment, the attack.
    private static readonly (string Set, bool[] Bears)[] Changes =
    [
        ("seed=4", [true, true, true, true]),
        ("model.hidden=16", [true, true, true, true]),
        ("model.layers=1", [true, true, true, true]),
        ("precision=double", [true, true, true, true]),
        ("world.test_count=13", [true, true, true, true]),
        ("world.neutral_style_share=0.1", [true, true, true, true]),
        ("evaluation.curve_points=4", [true, true, true, true]),
        ("max_length=100", [true, true, true, true]),
        ("base.training.max_steps=7", [false, true, true, true]),
        ("base.training.learning_rate=1e-4", [false, true, true, true]),
        ("base.data.count=64", [false, true, true, true]),
        ("align.training.batch_size=7", [false, false, true, true]),
        ("align.rule={\"kind\":\"vaccine\",\"rho\":1}", [false, false, true, true]),
        ("align.adapter={\"kind\":\"lora\"}", [false, false, true, true]),
        ("attack.data.harmful_ratio=0.2", [false, false, false, true]),
        ("attack.data.samples=40", [false, false, false, true]),
        ("attack.training.epochs=3", [false, false, false, true]),
        ("attack.adapter.rank=3", [false, false, false, true]),
        ("attack.objective={\"kind\":\"ewc\",\"lambda\":1}", [false, false, false, true]),
        ("attack.mixed_in={\"from\":\"align\",\"count\":2}", [false, false, false, true]),
        ("report.attack=lengthen", [false, false, false, true]),     // a stage that is no attack has no curve
        ("name=another", [false, false, false, false]),
        ("title=another", [false, false, false, false]),
        ("report.control=another", [false, false, false, false]),
        ("report.convergence=null", [false, false, false, false]),
        ("align.rule={\"kind\":\"plain\"}", [false, false, false, false]),
    ];

    public static TheoryData<string> Sets => [.. Changes.Select(change => change.Set)];

    [Theory]
    [MemberData(nameof(Sets))]
    public void A_hash_changes_with_what_determines_the_stage(string set)
    {
        string[] before = Hashes(One), after = Hashes(One, set);
        Assert.Equal(Changes.Single(change => change.Set == set).Bears, before.Zip(after, (a, b) => a != b));
    }

    [Theory]
    [InlineData("""align.objective={"kind":"ewc","lambda":1}""")]
    [InlineData("""align.mixed_in={"from":"base","count":2}""")]
    public void The_rows_of_a_skipped_stage_bear_on_a_stage_that_reads_them(string reads)
    {
        string[] skipped = [One, "base.skip=true"];
        bool Bears(params string[] set) =>
            Hashes([.. skipped, .. set])[1] != Hashes([.. skipped, .. set, "base.data.count=64"])[1];
        Assert.True(Bears(reads));
        Assert.False(Bears());
    }

    [Fact]
    public void The_arithmetic_bears_on_everything() =>
        Assert.Empty(
            Hashes(One).Intersect(TinyGrid.Plan(TinyGrid.Grid(One), "cuda, tf32").Chains[0].Select(node => node.Hash)));

    [Fact]
    public void Trials_that_begin_alike_share_their_stages()
    {
        var plan = TinyGrid.Plan(TinyGrid.Grid());
        Assert.Equal(20, plan.Trials.Count);
        Assert.All(plan.Nodes, node => Assert.Matches("^[0-9a-f]{64}$", node.Hash));
        // the model, its base, eight alignments that differ (single and double share one, as do SFT, lengthened and
        // guarded), one edit
        Assert.Equal(1 + 1 + 6 + 1, plan.Nodes.Count(node => !node.IsAttack));
        Assert.Equal(20, plan.Nodes.Count(node => node.IsAttack));
        Assert.All(plan.Nodes, node => Assert.True(node.Parent is null || plan.Nodes.Contains(node.Parent)));
    }

    /// <summary>
    /// With one micro-batch in a step there is one ball, whatever it is called, and the number of ranks bears on
    /// nothing.
    /// </summary>
    [Fact]
    public void The_number_of_ranks_bears_on_a_ball_for_each_rank_alone()
    {
        string Hash(string norm, int accumulation, int ranks) => TinyGrid.Plan(
            TinyGrid.Grid(
                One, $"align.rule={{\"kind\":\"vaccine\",\"rho\":1,\"norm\":\"{norm}\"}}",
                $"align.training.accumulation={accumulation}"),
            ranks: ranks).Chains[0][2].Hash;
        Assert.Single(((string[])["world", "rank", "batch"]).Select(norm => Hash(norm, 1, 1)).Distinct());
        string[] all = ["world", "rank", "batch", "sample"];
        Assert.Equal(4, all.Select(norm => Hash(norm, 4, 1)).Distinct().Count());
        Assert.All(all, norm => Assert.Equal(norm == "rank", Hash(norm, 4, 1) != Hash(norm, 4, 2)));
        Assert.NotEqual(Hash("rank", 4, 4), Hash("rank", 4, 2));
    }

    private static string[] Hashes(params string[] set) =>
        [.. TinyGrid.Plan(TinyGrid.Grid(set)).Chains[0].Select(node => node.Hash)];
}
