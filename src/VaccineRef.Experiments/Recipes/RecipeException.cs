using System.Globalization;
using VaccineRef.Core;

namespace VaccineRef.Experiments.Recipes;

/// <summary>Something in a recipe is wrong. <see cref="InputException.Where"/> is a JSON path.</summary>
public sealed class RecipeException(
    string what, string? path = null, string? found = null, string? expected = null, string? remedy = null,
    Exception? inner = null)
    : InputException(what, path, found, expected, remedy, inner)
{
    /// <summary>The error of a value that is not among those that are allowed.</summary>
    internal static RecipeException OutOfRange(string path, object found, string expected) =>
        new("a value is out of its range", path, Convert.ToString(found, CultureInfo.InvariantCulture), expected);

    /// <summary>The error of a name that is not known; it suggests the nearest one.</summary>
    public static RecipeException Unknown(string what, string path, string found, IReadOnlyCollection<string> known) =>
        new(what, path, found, string.Join(", ", known), Nearest.DidYouMean(found, known));
}
