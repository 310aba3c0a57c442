using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Testing;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Tests.Recipes;

/// <summary>
/// A recipe chooses an optimizer by its kind. What the chosen one does not have is refused, and the default changes
/// nothing.
/// </summary>
public sealed class OptimizerTests
{
    [Theory]
    [InlineData("adamw")]
    [InlineData("sgd", "momentum=0.9", "nesterov=true")]
    [InlineData("rmsprop", "alpha=0.9")]
    [InlineData("muon", "adjust=match_rms_adamw", "adam_factor=0.1")]
    public void The_chosen_optimizer_has_its_settings_and_those_of_the_training(string kind, params string[] settings)
    {
        string[] set = ["attack.training.learning_rate=0.25", "attack.training.weight_decay=0.5",
            $"attack.training.optimizer={{\"kind\":\"{kind}\"}}"];
        var options = Training([.. set, .. settings.Select(each => $"attack.training.optimizer.{each}")])
            .For(seed: 0).Optimizer;
        OptimizerOptions expected = kind switch
        {
            "adamw" => new AdamWOptions(0.25, 0.5),
            "sgd" => new SgdOptions(0.25, 0.5, Momentum: 0.9, Nesterov: true),
            "rmsprop" => new RmsPropOptions(0.25, 0.5, Alpha: 0.9),
            _ => new MuonOptions(0.25, 0.5, Adjust: MuonRate.MatchRmsAdamw, AdamFactor: 0.1),
        };
        Assert.Equal(expected, options);
    }

    [Theory]
    [InlineData("sgd", "beta1=0.8", "training.beta1")]
    [InlineData("sgd", "adam_epsilon=1e-7", "training.adam_epsilon")]
    [InlineData("rmsprop", "beta2=0.5", "training.beta2")]
    [InlineData("sgd", "optimizer.alpha=0.5", "training.optimizer.alpha")]
    [InlineData("adamw", "optimizer.momentum=0.5", "training.optimizer.momentum")]
    [InlineData("adamw", "optimizer.learning_rate=0.5", "training.optimizer.learning_rate")]
    [InlineData("muon", "optimizer.beta1=0.5", "training.optimizer.beta1")]
    [InlineData("sgd", "optimizer.nesterov=true", "training.optimizer.nesterov")]
    [InlineData("rmsprop", "optimizer.momentum=1", "training.optimizer.momentum")]
    [InlineData("muon", "optimizer.adjust=moonshot", "training.optimizer.adjust")]
    [InlineData("adam", "epochs=1", "training.optimizer.kind")]
    public void What_the_chosen_optimizer_does_not_have_is_refused_by_its_name(string kind, string set, string where) => Assert.Equal(
        $"$.stages[1].{where}",
        Assert.ThrowsAny<InputException>(() => Training($"attack.training.optimizer={{\"kind\":\"{kind}\"}}", $"attack.training.{set}")).Where);

    [Theory]
    [InlineData("adamw")]
    [InlineData("sgd")]
    [InlineData("muon")]
    public void What_is_written_is_read_back(string kind)
    {
        string once = RecipeFormat.Standard.Write(Recipe($"attack.training.optimizer={{\"kind\":\"{kind}\"}}"));
        Assert.Equal(once, RecipeFormat.Standard.Write(RecipeFormat.Standard.Parse(once, "here")));
        Assert.Equal(kind != "adamw", once.Contains("\"optimizer\"", StringComparison.Ordinal));
        Assert.Equal(kind == "sgd" ? 1 : 2, once.Split("\"beta1\": 0.9").Length - 1);
    }

    [Fact]
    public void A_grid_chooses_among_optimizers()
    {
        const string Grid =
            """grid={"attack.training.optimizer": [{"kind": "adamw"}, {"kind": "sgd"}, {"kind": "muon"}]}""";
        var trials = new ExperimentGrid(Recipe("alignment.training.beta1=0.8", Grid), RecipeFormat.Standard).Trials();
        Assert.Equal(
            ["adamw", "sgd", "muon"],
            trials.Select(trial => ((TrainStageOptions)trial.Recipe.Stages[1]).Training.For(0).Optimizer.Name()));
    }

    /// <summary>
    /// What was computed before there was a choice is still found: AdamW stands in no stage's hash, any other in its
    /// own.
    /// </summary>
    [Fact]
    public void The_default_stands_in_no_hash_and_any_other_in_that_of_its_stage()
    {
        using var tiny = new TinyExperiment();
        string[] Hashes(params string[] set)
        {
            var recipe = Recipe(set);
            return [.. new StagePlan(
                new ExperimentGrid(recipe, RecipeFormat.Standard).Trials(), RecipeFormat.Standard,
                new DataFiles(tiny.Folder), "here")
                .Chains[0].Select(node => node.Hash)];
        }

        string[] plain = Hashes(), sgd = Hashes("attack.training.optimizer={\"kind\":\"sgd\"}");
        Assert.Equal(plain, Hashes("attack.training.optimizer={\"kind\":\"adamw\"}"));
        Assert.Equal(plain[..^1], sgd[..^1]);
        Assert.NotEqual(plain[^1], sgd[^1]);
    }

    private static TrainingOptions Training(params string[] set) => ((TrainStageOptions)Recipe(set).Stages[1]).Training;

    private static Recipe Recipe(params string[] set) =>
        RecipeFormat.Standard.Parse(TinyExperiment.RecipeText, "here", set);
}
