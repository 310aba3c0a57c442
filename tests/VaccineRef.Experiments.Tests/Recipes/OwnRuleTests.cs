using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Tests.Pipeline;
using VaccineRef.Models;
using VaccineRef.Reporting;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Tests.Recipes;

/// <summary>
/// A rule that is defined in this file alone runs through recipe, grid, report and cost table. What it takes is the
/// file and one line: outside of the program the line is <see cref="RecipeFormat.With"/>, inside it is the rule's entry
/// in the list of <see cref="RuleOptions"/>.
/// </summary>
public sealed partial class OwnRuleTests
{
    private static readonly RecipeFormat Format = RecipeFormat.Standard.With<RuleOptions, TwiceOptions>(
        "twice", OwnJson.Default);

    [Fact]
    public void A_rule_of_ones_own_is_one_file_and_one_line()
    {
        using var tiny = new TinyGrid();
        var grid = TinyGrid.Grid(
            Format, """grid={"align.rule":[{"kind":"plain"},{"kind":"twice","share":0.25}],"seed":"3-4"}""",
            "report.primary=twice, share = 0.25");
        var report = tiny.Run(2, grid, format: Format);
        Assert.Empty(report.Failures);
        Assert.Equal(["SFT", "twice, share = 0.25"], report.Conditions);
        var cost = report.Alignment(report.Trials[^1])!.Cost!;
        Assert.Equal((2, 2, "twice, share = 0.25"), (cost.ForwardsPerStep, cost.ReversesPerStep, cost.Rule));
        Assert.NotEqual(
            report.Alignment(report.Trials[0])!.Measured!.AlignmentLoss,
            report.Alignment(report.Trials[^1])!.Measured!.AlignmentLoss);

        string folder = Path.Combine(tiny.Folder, "report");
        var findings = ReportWriter.Write(report, folder);
        Assert.Contains(
            findings.Conclusions, sentence => sentence.Contains("twice, share = 0.25", StringComparison.Ordinal));
        Assert.All((string[])[ReportWriter.Html, ReportWriter.Markdown], page =>
            Assert.Contains("twice, share = 0.25", File.ReadAllText(Path.Combine(folder, page))));
        Assert.Equal(report.Trials.Count, ReportWriter.Read(folder).Trials.Count);
    }

    [Fact]
    public void It_is_written_read_back_and_refused_where_it_is_not_known()
    {
        const string Set = """align.rule={"kind":"twice","share":0.25}""";
        string text = Format.Write(Format.Parse(TinyGrid.Text, "tiny", Set));
        Assert.Equal(text, Format.Write(Format.Parse(text, "again")));
        Assert.Contains(
            "plain, vaccine", Assert.Throws<RecipeException>(() => RecipeFormat.Standard.Parse(text, "again")).Message);
        Assert.Equal(
            "$.stages[1].rule.share",
            Assert.Throws<InputException>(() => Format.Parse(text, "again", "align.rule.share=2")).Where);
    }

    /// <summary>Its settings.</summary>
    internal sealed record TwiceOptions(double Share) : RuleOptions
    {
        public override string Label() => $"twice, share = {NumberText.Of(Share)}";

        public override PassCount Passes() => new(2, 2);

        public override IGradientRule<T> Make<T>(Device device) => new Twice<T>(Share);

        public override void Validate(string path)
        {
            if (Share is not (>= 0 and <= 1))
                throw new InputException("share is no share", $"{path}.share", $"{Share}", "from 0 to 1");
        }
    }

    /// <summary>The gradient of a batch, taken in two parts.</summary>
    private sealed class Twice<T>(double share) : IGradientRule<T>
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        public string Name => "twice";

        public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
        {
            double loss = state.Descend(objective, batch, state.Pass(new NoTap<T>()), scale * share);
            state.Descend(objective, batch, state.Pass(new NoTap<T>()), scale * share);
            return new(loss);
        }
    }

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true)]
    [JsonSerializable(typeof(TwiceOptions))]
    private sealed partial class OwnJson : JsonSerializerContext;
}
