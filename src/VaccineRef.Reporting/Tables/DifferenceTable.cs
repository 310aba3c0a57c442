using VaccineRef.Experiments.Grid;

namespace VaccineRef.Reporting;

/// <summary>
/// What several reports found, metric by metric: a row for each metric of each moment, a column for each thing that was
/// tried, and how far each is from the first. Numbers are means over seeds; a difference is the mean over the seeds
/// that both have.
/// </summary>
public sealed class DifferenceTable
{
    private readonly Variant[] _variants;
    private readonly (string Moment, string Attack, string Metric, int Decimals)[] _lines;

    /// <summary>Compares everything that was measured.</summary>
    /// <param name="reports">
    /// The reports; the first thing tried in the first of them is what the others are compared with.
    /// </param>
    public DifferenceTable(IReadOnlyList<ExperimentReport> reports)
    {
        var rows = ComparisonTable.Measured(reports);
        var names = ComparisonTable.Names(rows).Where(name => name.Head is "run" or "model" or "condition").ToArray();
        var variants = new List<Variant>();
        var twins = new List<string>();
        foreach (var tried in rows.GroupBy(row => (row.Place, row.Model, row.Condition)))
        {
            var variant = new Variant(string.Join(", ", names.Select(name => name.Of(tried.First()))), tried);
            if (variants.FirstOrDefault(variant.IsSameAs) is not { } twin)
                variants.Add(variant);
            else if (!twins.Contains($"{variant.Name} is the same as {twin.Name}"))
                twins.Add($"{variant.Name} is the same as {twin.Name}");
        }

        _variants = [.. variants];
        Twins = twins;
        _lines = [.. rows.SelectMany(row => Values(row)
            .Select(each => (row.Result.Stage, row.Attack, each.Metric, each.Decimals))).Distinct()];
        HasAttacks = _lines.Select(line => line.Attack).Where(attack => attack.Length > 0).Distinct().Skip(1).Any();
        Header =
        [
            "moment", .. HasAttacks ? ["attack"] : (string[])[], "metric",
            .. _variants.SelectMany((variant, i) => i == 0 ? [variant.Name] : (string[])[variant.Name, "difference"]),
        ];
    }

    /// <summary>The names of the columns.</summary>
    public IReadOnlyList<string> Header { get; }

    /// <summary>
    /// Sentences about what is the same, seed by seed and bit by bit, as something before it, and has no column.
    /// </summary>
    public IReadOnlyList<string> Twins { get; }

    private bool HasAttacks { get; }

    /// <summary>
    /// The rows, in the order in which things were measured. A cell is empty where something was not measured.
    /// </summary>
    public IEnumerable<IReadOnlyList<string>> Rows()
    {
        foreach (var (moment, attack, metric, decimals) in _lines)
        {
            var first = _variants[0].Of(moment, attack, metric);
            yield return
            [
                moment, .. HasAttacks ? [attack] : (string[])[], metric,
                .. _variants.SelectMany((variant, i) =>
                {
                    var own = i == 0 ? first : variant.Of(moment, attack, metric);
                    string mean = Mean(own.Values, decimals, NumberFormat.Fixed);
                    return i == 0 ? [mean] : (string[])[mean, Mean(own.Where(each => first.ContainsKey(each.Key))
                        .Select(each => each.Value - first[each.Key]), decimals, NumberFormat.Signed)];
                }),
            ];
        }
    }

    private static string Mean(IEnumerable<double> values, int decimals, Func<double, int, string> format)
    {
        double[] all = [.. values];
        return all.Length == 0 ? "" : format(all.Average(), decimals);
    }

    private static IEnumerable<(string Metric, double Value, int Decimals)> Values(ComparisonTable.Row row)
    {
        foreach (string column in ScoreColumns.Of([row.Measured]))
            yield return ($"{column}, %", ScoreColumns.Find(row.Measured, column)!.Percentage, 1);
        if (row.Measured.AlignmentLoss is { } loss)
            yield return ("alignment loss", loss, 4);
        if (row.Measured.Drift is { } drift)
            yield return ("drift per token", drift.PerToken, 3);
    }

    private sealed class Variant(string name, IEnumerable<ComparisonTable.Row> rows)
    {
        private readonly HashSet<(ulong Seed, string Hash)> _stages =
            [.. rows.Select(row => (row.Trial.Seed, row.Hash))];

        private readonly ILookup<(string, string, string), (ulong Seed, double Value)> _values = rows
            .SelectMany(row => Values(row).Select(each => (Key: (row.Result.Stage, row.Attack, each.Metric), row.Trial.Seed, each.Value)))
            .ToLookup(each => each.Key, each => (each.Seed, each.Value));

        public string Name => name;

        public bool IsSameAs(Variant other) => _stages.SetEquals(other._stages);

        public Dictionary<ulong, double> Of(string moment, string attack, string metric) =>
            _values[(moment, attack, metric)].DistinctBy(each => each.Seed).ToDictionary(
                each => each.Seed, each => each.Value);
    }
}
