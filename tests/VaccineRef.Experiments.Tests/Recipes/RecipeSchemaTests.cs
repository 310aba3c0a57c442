using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Testing;

namespace VaccineRef.Experiments.Tests.Recipes;

/// <summary>The schema that editors use says what the reader says.</summary>
public sealed class RecipeSchemaTests
{
    private static readonly JsonDocumentOptions Lenient =
        new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    private static readonly JsonSchema Schema = JsonSchema.FromText(RecipeSchema.Text);

    /// <summary>With VACCINEREF_WRITE=1 the file is written anew instead.</summary>
    [Fact]
    public void The_schema_is_current()
    {
        string path = Path.Combine(Repository.Root, "recipes", RecipeSchema.FileName),
            text = new SchemaOfRecipes().Text();
        if (Environment.GetEnvironmentVariable("VACCINEREF_WRITE") == "1")
            File.WriteAllText(path, text);
        Assert.Equal(text, File.ReadAllText(path));
    }

    [Fact]
    public void Every_recipe_of_the_project_satisfies_it_and_names_it()
    {
        string folder = Path.Combine(Repository.Root, "recipes");
        string[] files = [.. Directory.GetFiles(folder, "*.json", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(RecipeSchema.FileName, StringComparison.Ordinal))];
        Assert.True(files.Length > 10);
        Assert.All(files, file =>
        {
            string text = File.ReadAllText(file);
            Assert.True(Satisfies(text), file);
            string named = JsonNode.Parse(text, documentOptions: Lenient)![RecipeFormat.SchemaKey]!.ToString();
            Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(file)!, named)));
        });
        Assert.All(
            Presets.Names, name => Assert.Contains(
                $"\"{RecipeFormat.SchemaKey}\": \"{RecipeSchema.FileName}\"", Presets.Text(name),
                StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_written_satisfies_it() => Assert.All(
        [TinyExperiment.RecipeText, .. Presets.Names.Select(Presets.Text)],
        text => Assert.True(Satisfies(RecipeFormat.Standard.Write(RecipeFormat.Standard.Parse(text, "here")))));

    [Theory]
    [InlineData("sed=1")]
    [InlineData("seed=\"one\"")]
    [InlineData("alignment.rule={\"kind\":\"vacine\",\"rho\":1}")]
    [InlineData("alignment.rule={\"kind\":\"vaccine\"}")]
    [InlineData("alignment.rule.rho=-1")]
    [InlineData("alignment.rule.tau=1")]
    [InlineData("alignment.data.task=refusal")]
    [InlineData("alignment.training.schedule=cosin")]
    [InlineData("attack.adapter.rank=0")]
    [InlineData("attack.data.harmful_ratio=1.1")]
    [InlineData("evaluation.top_p=0")]
    public void What_the_reader_refuses_it_refuses_too(string set)
    {
        var json = JsonNode.Parse(TinyExperiment.RecipeText, documentOptions: Lenient)!.AsObject();
        RecipePath.Assign(json, set);
        Assert.ThrowsAny<Core.InputException>(() => RecipeFormat.Standard.Parse(json.ToJsonString(), "here"));
        Assert.True(Satisfies(TinyExperiment.RecipeText));
        Assert.False(Satisfies(json.ToJsonString()));
    }

    private static bool Satisfies(string text)
    {
        using var document = JsonDocument.Parse(text, Lenient);
        return Schema.Evaluate(document.RootElement).IsValid;
    }
}
