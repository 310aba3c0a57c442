using VaccineRef.Core;

namespace VaccineRef.Experiments.Recipes;

/// <summary>A recipe is not what it should be. Names the JSON path.</summary>
public sealed class RecipeException(
    string what, string path, string? found = null, string? expected = null, string? remedy = null, Exception? inner = null)
    : InputException(what, path, found, expected, remedy, inner);
