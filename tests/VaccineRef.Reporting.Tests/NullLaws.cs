using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VaccineRef.Core;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Reporting.Tests;

/// <summary>
/// null, put in the place of any value of a kept file, is refused by the file's name, or the file says so much less.
/// </summary>
public sealed partial class NullLaws : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vaccineref").FullName;
    private readonly ExperimentReport _report = MadeUpReport.FromFiles(MadeUpReport.Of(MadeUpRecipes.Run, 1)) with
    {
        Failures = ["a stage failed"]
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void In_a_report()
    {
        ReportWriter.Write(
            _report with { Unfinished = new Dictionary<string, StageResult>(_report.Stages.Take(1)) }, _folder);
        var (places, refused) = Put(Path.Combine(_folder, ReportWriter.Json), () =>
        {
            var read = ReportWriter.Read(_folder);
            ComparisonTable.Markdown(ComparisonTable.Header([read, read]), ComparisonTable.Rows([read, read]));
        });
        Assert.True(places > 250, $"{places} places");
        Assert.Superset(new HashSet<string>(
        [
            "$.conclusions[0]", "$.report.trials[0]", "$.report.trials[0].stages[0]", "$.report.failures[0]",
            "$.report.data.sources[0]",
        ]), refused);
        Assert.Contains(refused, path => path.EndsWith("measured.scores[0]", StringComparison.Ordinal));
        Assert.Contains(refused, path => Regex.IsMatch(path, @"^\$\.report\.stages\.[0-9a-f]+$"));
        Assert.DoesNotContain(refused, path => path.StartsWith("$.report.recipe.", StringComparison.Ordinal));
    }

    [Fact]
    public void In_a_kept_stage()
    {
        var format = RecipeFormat.Standard;
        var grid = new ExperimentGrid(format.Parse(MadeUpRecipes.Run, "made up"), format);
        var node = new StagePlan(grid.Trials(), format, new("."), "made up").Nodes.Last();
        var result =
            _report.Stages.Values.Last(stage => stage is { Curve.Count: > 0, Projection: not null, Cost: not null });
        var store = StageStore.Run(_folder);
        store.Keep(
            node, result with { Warnings = ["slow"], Perturbation = new(1, 1, 1, 1, [1]), Edit = new(1, 2, 3, 4) });
        string path = Directory.GetFiles(_folder, "*.json", SearchOption.AllDirectories).Single();
        var (places, refused) = Put(path, () =>
        {
            var read = store.Recorded(node);
            var report = _report with { Stages = _report.Stages.Keys.ToDictionary(hash => hash, _ => read) };
            ComparisonTable.Markdown(ComparisonTable.Header([report]), ComparisonTable.Rows([report]));
            Analysis.Of(report);
        });
        Assert.True(places > 60, $"{places} places");
        Assert.Superset(new HashSet<string>(
        [
            "$.curve[0]", "$.measured.scores[0]", "$.warnings[0]", "$.perturbation.steps[0]", "$.projection.groups[0]",
            "$.projection.groups[0].points[0]", "$.projection.groups[0].points[0][0]",
        ]), refused);
    }

    /// <summary>Puts null into each place of a file, of lists into the first and the last, and reads it.</summary>
    private static (int Places, HashSet<string> Refused) Put(string file, Action read)
    {
        string whole = File.ReadAllText(file);
        read();
        HashSet<string> refused = [];
        string[] places = [.. Places(JsonNode.Parse(whole)!).Distinct()];
        foreach (string place in places)
        {
            var json = JsonNode.Parse(whole)!;
            At(json, place).ReplaceWith<JsonNode?>(null);
            File.WriteAllText(file, json.ToJsonString());
            try
            {
                read();
            }
            catch (InputException error)
            {
                Assert.Equal(file, error.Where);
                refused.Add(place);
            }
            catch (Exception error)
            {
                Assert.Fail($"null at {place}: {error}");
            }
        }

        return (places.Length, refused);
    }

    private static IEnumerable<string> Places(JsonNode node)
    {
        JsonNode?[] parts = node switch
        {
            JsonObject named => [.. named.Select(member => member.Value)],
            JsonArray list => [list.FirstOrDefault(), list.LastOrDefault()],
            _ => [],
        };
        return parts.OfType<JsonNode>().SelectMany(part => (string[])[part.GetPath(), .. Places(part)]);
    }

    private static JsonNode At(JsonNode root, string place) => Names()
        .Matches(place[1..]).Aggregate(root, (node, name) =>
        name.Value is ['[', '\'', .. var odd, '\'', ']']
            ? node[odd]!
            : name.Value is ['[', .. var index, ']'] ? node[int.Parse(index)]! : node[name.Value[1..]]!);

    [GeneratedRegex(@"\['[^']*'\]|\[\d+\]|\.[^.\[]+")]
    private static partial Regex Names();
}
