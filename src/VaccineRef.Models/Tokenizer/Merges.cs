using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>Reads a byte-pair model's merges, first to be applied first.</summary>
internal static class Merges
{
    /// <summary>tokenizer.json's array, of <c>"left right"</c> or <c>["left", "right"]</c>.</summary>
    public static List<(string Left, string Right)> Read(Setting merges, Vocabulary vocabulary)
    {
        var pairs = new List<(string, string)>();
        foreach (var merge in merges.Items())
        {
            if (merge.Value.ValueKind != System.Text.Json.JsonValueKind.Array)
                pairs.Add(Split(merge.Text(), vocabulary) ?? throw merge.Unexpected("two pieces with a space between"));
            else if (merge.Items().ToArray() is [var left, var right])
                pairs.Add((left.Text(), right.Text()));
            else
                throw merge.Unexpected("two pieces");
        }
        return pairs;
    }

    /// <summary>merges.txt: a line for each merge, after a line with the version.</summary>
    public static List<(string Left, string Right)> Read(string path, Vocabulary vocabulary)
    {
        var pairs = new List<(string, string)>();
        int number = 0;
        foreach (string line in Encoding.UTF8.GetString(TokenizerFile.Read(path)).Split('\n'))
        {
            number++;
            string merge = line.TrimEnd('\r');
            if (merge.Length > 0 && !merge.StartsWith("#version", StringComparison.Ordinal))
                pairs.Add(Split(merge, vocabulary) ?? throw new TokenizerException(
                    "a merge is not two pieces of the vocabulary", $"{path}, line {number}", merge));
        }
        return pairs;
    }

    /// <summary>
    /// One space separates the pieces. Some files hold pieces that contain spaces themselves; then the separator is
    /// the one space that leaves two known pieces whose union is known.
    /// </summary>
    private static (string Left, string Right)? Split(string merge, Vocabulary vocabulary)
    {
        int space = merge.IndexOf(' ');
        if (space > 0 && space < merge.Length - 1 && merge.IndexOf(' ', space + 1) < 0)
            return (merge[..space], merge[(space + 1)..]);
        if (merge.Length - 1 > vocabulary.LongestPiece)
            return null;
        // a line of spaces alone takes no memory
        var ids = vocabulary.Ids.GetAlternateLookup<ReadOnlySpan<char>>();
        var ways = Enumerable.Range(0, merge.Length)
            .Where(i => merge[i] == ' ' && ids.ContainsKey(merge.AsSpan(0, i)) && ids.ContainsKey(merge.AsSpan(i + 1)))
            .Select(i => (Left: merge[..i], Right: merge[(i + 1)..]))
            .Where(way => vocabulary.Ids.ContainsKey(way.Left + way.Right))
            .ToArray();
        return ways is [var only] ? only : null;
    }
}
