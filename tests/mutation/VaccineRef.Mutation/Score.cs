using System.Globalization;

namespace VaccineRef.Mutation;

/// <summary>The share of defects that were noticed, of those that change what the program does.</summary>
public static class Score
{
    /// <summary>Writes every defect and what became of it, a line each.</summary>
    public static void List(IReadOnlyList<Defect> defects, IReadOnlyList<Trial> trials, string equivalent, string path)
    {
        var (reasons, found) = (Reasons(equivalent), trials.ToDictionary(trial => trial.Id));
        File.WriteAllLines(path, defects.Where(defect => found.ContainsKey(defect.Id)).Select(defect =>
            $"{defect}: {found[defect.Id].Noticed ?? (reasons.TryGetValue(defect.Id, out string? reason) ? $"changes nothing: {reason}" : "NOT NOTICED")}"));
    }

    /// <summary>Writes it, by library, and every defect that was not noticed.</summary>
    /// <param name="defects">What was planted.</param>
    /// <param name="trials">What became of it.</param>
    /// <param name="equivalent">A file: in each line a defect's id and why it changes nothing.</param>
    public static void Print(IReadOnlyList<Defect> defects, IReadOnlyList<Trial> trials, string equivalent)
    {
        var reasons = Reasons(equivalent);
        var noticed = trials.Where(trial => trial.Noticed is not null).Select(trial => trial.Id).ToHashSet();
        var tried = trials.Select(trial => trial.Id).ToHashSet();
        foreach (var defect in defects.Where(defect => tried.Contains(defect.Id) && !noticed.Contains(defect.Id)))
            Console.WriteLine($"{(reasons.TryGetValue(defect.Id, out string? reason) ? $"changes nothing ({reason})" : "NOT NOTICED")}: {defect}");
        foreach (var library in Library.All)
            Line(library.Name, defects.Where(defect => defect.File.StartsWith(library.Project + "/", StringComparison.Ordinal)));
        Line("all", defects);

        void Line(string name, IEnumerable<Defect> some)
        {
            Defect[] planted = [.. some.Where(defect => tried.Contains(defect.Id))];
            int caught = planted.Count(defect => noticed.Contains(defect.Id)),
                alike = planted.Count(defect => !noticed.Contains(defect.Id) && reasons.ContainsKey(defect.Id));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name}: {planted.Length} planted, {alike} change nothing, {caught} of {planted.Length - alike} noticed, {100.0 * caught / Math.Max(1, planted.Length - alike):F1} %"));
        }
    }

    private static Dictionary<string, string> Reasons(string equivalent) => File.ReadLines(equivalent)
        .Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split(' ', 2)).ToDictionary(
            line => line[0], line => line[1]);
}
