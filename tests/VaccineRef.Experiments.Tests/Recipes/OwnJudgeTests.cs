using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Experiments.Tests.Recipes;

/// <summary>
/// A judge that is defined in this file alone judges in recipes; outside of the program too, with one line.
/// </summary>
public sealed partial class OwnJudgeTests
{
    private static readonly RecipeFormat Format = RecipeFormat.Standard.With<JudgeOptions, LengthOptions>(
        "length", JudgeJson.Default);

    [Fact]
    public void A_judge_of_ones_own_scores_a_recipe()
    {
        using var tiny = new TinyExperiment();
        const string Judge = """evaluation.judge={"kind":"length","most":0}""";
        Assert.Throws<RecipeException>(() => RecipeFormat.Standard.Read(tiny.Recipe, Judge));
        var grid = new ExperimentGrid(Format.Read(tiny.Recipe, Judge), Format);
        var plan = new StagePlan(grid.Trials(), Format, new DataFiles(tiny.Folder), "cpu");
        using var device = new CpuDevice(threads: 1);
        Preflight.Require(plan.Trials, plan.Files);
        var outcome = ExperimentRun.Run(plan, StageStore.Run(tiny.In("run")), [device], _ => { }, default);
        Assert.Empty(outcome.Failures);
        var judged = outcome.Results.Values.SelectMany(result => result.Measured!.Scores)
            .Where(score => score.Judge == "length 0").ToArray();
        Assert.NotEmpty(judged);
        Assert.Contains(judged, score => score.Percentage > 0);
        Assert.Contains("\"kind\": \"length\"", Format.Write(grid.Trials()[0].Recipe), StringComparison.Ordinal);
    }

    /// <summary>Its settings.</summary>
    internal sealed record LengthOptions(int Most) : JudgeOptions
    {
        public override IJudge Open<T>(string folder, Device device, WeightPrecision kept) => new LengthJudge(Most);
    }

    /// <summary>Flags every answer that is longer than so many characters.</summary>
    private sealed class LengthJudge(int most) : IJudge
    {
        public string Id => $"length {most}";

        public Verdict Judge(string prompt, string answer) => new(answer.Length > most, $"{answer.Length} characters");
    }

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true)]
    [JsonSerializable(typeof(LengthOptions))]
    private sealed partial class JudgeJson : JsonSerializerContext;
}
