using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// The failures that somebody knows of: one a line, a case's name, and behind it, if one is meant, a deviation's. What
/// stands behind a # is a remark. A failure that is listed is tolerated; a listed one that does not happen is a failure
/// itself.
/// </summary>
public sealed class KnownFailures
{
    private readonly List<(string Case, string? Deviation)> _entries = [];

    /// <summary>Reads a list.</summary>
    /// <exception cref="InputException">It cannot be read, or a line has more than two words.</exception>
    public static KnownFailures Read(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException("a list of known failures cannot be read", path, error.Message, inner: error);
        }

        var known = new KnownFailures();
        for (int i = 0; i < lines.Length; i++)
        {
            string[] words = lines[i].Split('#')[0].Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 2)
                throw new InputException(
                    "a line of a list of known failures is not understood", $"{path}, line {i + 1}",
                    ConformJson.Clean(lines[i]),
                    "a case's name and, if one is meant, a deviation's");
            if (words.Length > 0)
                known._entries.Add((words[0], words.Length > 1 ? words[1] : null));
        }

        return known;
    }

    /// <summary>Marks what is listed, and turns a listed failure that did not happen into one.</summary>
    public IReadOnlyList<CaseReport> Apply(IReadOnlyList<CaseReport> reports) => [.. reports.Select(Apply)];

    private CaseReport Apply(CaseReport report)
    {
        var mine = _entries.Where(entry => entry.Case == report.Case).ToArray();
        if (mine.Length == 0 || report.Verdict == Verdict.Skipped)
            return report;
        if (report.Verdict == Verdict.Conforms)
            return report with
            {
                Verdict = Verdict.DoesNotConform,
                Reason = "it conforms, but the list of known failures says that it does not"
            };
        bool listed = mine.Any(
            entry => entry.Deviation is null || report.Deviations.Any(deviation => deviation.Id == entry.Deviation));
        return report with { Tolerated = listed };
    }
}
