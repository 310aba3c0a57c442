namespace VaccineRef.Experiments.Recipes;

/// <summary>Finds the known word that somebody probably meant.</summary>
public static class Nearest
{
    /// <summary>"did you mean "rho"?"; null where no known word is near enough to be meant.</summary>
    public static string? DidYouMean(string found, IEnumerable<string> known) =>
        known.Select(word => (word, Distance: Distance(found, word))).OrderBy(each => each.Distance)
            .Where(each => each.Distance <= (found.Length + 1) / 3).Select(each => $"did you mean \"{each.word}\"?")
            .FirstOrDefault();

    /// <summary>
    /// The number of edits (insert, delete, replace) that turn one word into another. Levenshtein (1966).
    /// </summary>
    private static int Distance(string from, string to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 1; i <= from.Length; i++)
        {
            (int diagonal, row[0]) = (row[0], i);
            for (int j = 1; j <= to.Length; j++)
            {
                int replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                (diagonal, row[j]) = (row[j], Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1));
            }
        }

        return row[^1];
    }
}
