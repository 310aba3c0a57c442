using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>
/// Chat templates in recipes: of the recipe, of a stage, of an evaluation, and in what a stage is known by.
/// </summary>
public sealed class ChatRecipeTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vaccineref-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_stage_and_an_evaluation_may_have_a_template_of_their_own()
    {
        Write(
            "tokenizer_config.json",
            """{"bos_token":"<s>","eos_token":"</s>","chat_template":"{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"}""");
        Write("rows.jsonl", """{"prompt":"A?","completion":"B"}""");
        var recipe = Parse("""
            {"name":"n","model":{"kind":"folder","path":"."},"template":"chatml","system":"S","stages":[
              {"name":"align","data":{"path":"rows.jsonl","task":"chat"}},
              {"name":"attack","data":{"path":"rows.jsonl","task":"chat"},"template":"plain"}],
             "evaluation":{"kind":"held_out","harmful":{"path":"rows.jsonl","task":"chat"},"template":"model"}}
            """);
        var reader = new DataReader(recipe, new(_folder.FullName), new MarkTokenizer());
        foreach (var stage in recipe.Stages.OfType<TrainStageOptions>())
            reader.Training(stage);
        Assert.NotEmpty(reader.HeldOut);
        var templates = reader.Manifest.Stages.ToDictionary(stage => stage.Name, stage => stage.Template!);
        Assert.StartsWith("chatml, system ", templates["align"], StringComparison.Ordinal);
        Assert.Equal("plain", templates["attack"]);
        Assert.StartsWith("model:", templates["harmful evaluation"], StringComparison.Ordinal);
        Assert.Equal(
            "[system]S[user]A?",
            reader.Template(((HeldOutOptions)recipe.Evaluation!).Template).Render(reader.HeldOut[0]));
    }

    [Theory]
    [InlineData("\"template\":\"llama4\"", "$.template")]
    [InlineData("\"system\":\"S\"", "$.system")]
    [InlineData("\"template\":\"plain\",\"system\":\"S\"", "$.system")]
    public void What_has_no_place_is_refused(string setting, string where)
    {
        var error = Assert.Throws<RecipeException>(
            () => Parse($$"""{"name":"n","model":{"kind":"folder","path":"."},{{setting}},"stages":[]}"""));
        Assert.Contains(where, error.Message, StringComparison.Ordinal);
    }

    private static Recipe Parse(string text) => RecipeFormat.Standard.Parse(text, "recipe");

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder.FullName, name), text);
}
