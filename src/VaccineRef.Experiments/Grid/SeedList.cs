using System.Globalization;
using System.Text.Json.Nodes;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Grid;

/// <summary>Seeds as people write them: "10-17", "10,11,17", "10-17,20-27", a list, or one number.</summary>
public static class SeedList
{
    private const int Most = 1000;

    /// <summary>The seeds that a text stands for; none where it stands for nothing.</summary>
    public static IReadOnlyList<ulong> Parse(string text)
    {
        IReadOnlyList<ulong>[] parts =
            [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Part)];
        return parts.Any(part => part.Count == 0) ? [] : [.. parts.SelectMany(part => part).Distinct()];
    }

    private static IReadOnlyList<ulong> Part(string text) => text.Split('-') switch
    {
        [var only] when Number(only) is { } seed => [seed],
        [var from, var to] when Number(from) is { } first && Number(to) is { } last && last >= first
            && last - first < Most => Range(first, last),
        _ => [],
    };

    /// <summary>So many seeds, from a first one on.</summary>
    public static IReadOnlyList<ulong> Range(ulong first, ulong last) =>
        [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => first + (ulong)i)];

    /// <exception cref="RecipeException">The value stands for no seeds.</exception>
    internal static IReadOnlyList<ulong> Of(JsonNode? value)
    {
        string text = value is JsonArray list ? string.Join(',', list.Select(item => $"{item}")) : $"{value}";
        return Parse(text) is { Count: > 0 } seeds ? seeds : throw new RecipeException(
            "the grid has no seeds", "$.grid.seed", value?.ToJsonString() ?? "null",
            "seeds as in \"10-17\", \"10,11,17\" or [10, 11]");
    }

    private static ulong? Number(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null;
}
