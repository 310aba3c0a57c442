using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VaccineRef.Core;

namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>Results of stages that somebody altered while they were kept.</summary>
public sealed partial class KeptResultLaws
{
    private static readonly string[] FitEachOther =
    [
        "$.measured.drift.per_layer", "$.curve[].measured.drift.per_layer", "$.projection.explained",
        "$.projection.groups[].points[]",
    ];

    /// <summary>
    /// Of every kind of list that a result holds, one loses its last element: the report is made as before, or the file
    /// is refused.
    /// </summary>
    [Fact]
    public void A_list_that_became_shorter_is_refused_or_fits_still()
    {
        using var tiny = new TinyGrid();
        var grid = TinyGrid.Grid("""grid={"seed":"3"}""");
        tiny.Run(workers: 2, grid);
        var refused = new SortedSet<string>();
        var seen = new HashSet<string>();
        foreach (string path in Directory.GetFiles(tiny.Folder, "result.json", SearchOption.AllDirectories).Order())
        {
            string whole = File.ReadAllText(path);
            foreach (string place in Lists(JsonNode.Parse(whole)!).Select(list => list.GetPath())
                .Where(place => seen.Add(Kind(place))).ToArray())
            {
                var altered = JsonNode.Parse(whole)!;
                var list = Lists(altered).Single(each => each.GetPath() == place);
                list.RemoveAt(list.Count - 1);
                File.WriteAllText(path, altered.ToJsonString());
                try
                {
                    tiny.Run(workers: 1, grid);
                }
                catch (InputException error)
                {
                    Assert.Contains(path, error.Message);
                    refused.Add(Kind(place));
                }
            }

            File.WriteAllText(path, whole);
        }

        Assert.Equal(FitEachOther.Order(), refused);
    }

    private static string Kind(string place) => Index().Replace(place, "[]");

    private static IEnumerable<JsonArray> Lists(JsonNode root)
    {
        var inner = root switch
        {
            JsonArray list => list.SelectMany(each => each is null ? [] : Lists(each)),
            JsonObject named => named.SelectMany(each => each.Value is null ? [] : Lists(each.Value)),
            _ => [],
        };
        return root is JsonArray { Count: > 0 } self ? inner.Prepend(self) : inner;
    }

    [GeneratedRegex(@"\[\d+\]")]
    private static partial Regex Index();
}
