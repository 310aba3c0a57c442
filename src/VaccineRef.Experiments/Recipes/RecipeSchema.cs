using System.Reflection;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// The JSON Schema of recipes (draft 2020-12), by which editors complete and check them. It is made from the records,
/// their XML documentation and <see cref="NumberLimits"/>; a test holds that it is current.
/// </summary>
public static class RecipeSchema
{
    /// <summary>The schema's file name. It lies beside the recipes that name it.</summary>
    public const string FileName = "recipe.schema.json";

    /// <summary>The schema's text.</summary>
    public static string Text
    {
        get
        {
            using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"VaccineRef.{FileName}")!;
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd();
        }
    }
}
