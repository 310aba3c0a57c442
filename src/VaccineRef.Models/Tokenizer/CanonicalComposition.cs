using System.Globalization;
using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// Unicode's Normalization Form C (UAX #15): decompose canonically, order the marks by combining class, compose.
/// Written here because <see cref="string.Normalize()"/> returns its argument under invariant globalization, which
/// this program runs with.
/// </summary>
internal sealed class CanonicalComposition
{
    private const int HangulS = 0xAC00, HangulL = 0x1100, HangulV = 0x1161, HangulT = 0x11A7;
    private const int CountL = 19, CountV = 21, CountT = 28, CountS = CountL * CountV * CountT;

    private static readonly Lazy<CanonicalComposition> Data = new(() => new CanonicalComposition());

    private readonly Dictionary<int, byte> _class = [];
    private readonly Dictionary<int, int[]> _decomposition = [];       // one step of it
    private readonly Dictionary<(int, int), int> _composite = [];

    private CanonicalComposition()
    {
        using var stream = typeof(CanonicalComposition).Assembly.GetManifestResourceStream("Nfc.txt")!;
        using var reader = new StreamReader(stream);
        string section = "";
        while (reader.ReadLine() is { } line)
        {
            if (line[0] == '[')
                section = line;
            else if (line[0] != '#')
                Add(section, line.Split(' '));
        }
    }

    /// <summary>The text in Normalization Form C.</summary>
    public static string Nfc(string text) =>
        text.AsSpan().ContainsAnyExceptInRange('\0', '\u02FF') ? Data.Value.Normalize(text) : text;

    private void Add(string section, string[] fields)
    {
        static int Code(string hex) => int.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        if (section == "[classes]")
        {
            foreach (string[] range in fields.Skip(1).Select(f => f.Split('-')))
            {
                for (int code = Code(range[0]); code <= Code(range[^1]); code++)
                    _class[code] = byte.Parse(fields[0], CultureInfo.InvariantCulture);
            }
            return;
        }

        int[] codes = [.. fields.Select(Code)];
        _decomposition[codes[0]] = codes[1..];
        if (section == "[composites]")
            _composite[(codes[1], codes[2])] = codes[0];
    }

    private string Normalize(string text)
    {
        var codes = new List<int>(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            Decompose(rune.Value, codes);
        Order(codes);
        Compose(codes);
        var result = new StringBuilder(text.Length);
        foreach (int code in codes)
            result.Append(new Rune(code));
        return result.ToString();
    }

    private void Decompose(int code, List<int> codes)
    {
        if (code - HangulS is >= 0 and < CountS and var index)
        {
            codes.Add(HangulL + (index / (CountV * CountT)));
            codes.Add(HangulV + (index / CountT % CountV));
            if (index % CountT != 0)
                codes.Add(HangulT + (index % CountT));
        }
        else if (_decomposition.TryGetValue(code, out int[]? parts))
        {
            foreach (int part in parts)
                Decompose(part, codes);
        }
        else
        {
            codes.Add(code);
        }
    }

    /// <summary>Sorts each run of marks (class above 0) by class, keeping the order of equals.</summary>
    private void Order(List<int> codes)
    {
        for (int i = 0, end; i < codes.Count; i = end)
        {
            for (end = i; end < codes.Count && Class(codes[end]) > 0;)
                end++;
            if (end - i > 1)
            {
                int[] sorted = [.. codes.GetRange(i, end - i).OrderBy(Class)];
                for (int k = i; k < end; k++)
                    codes[k] = sorted[k - i];
            }
            end = Math.Max(end, i + 1);
        }
    }

    /// <summary>
    /// Joins each code point to the last starter before it unless one of the same or a higher class stands between.
    /// </summary>
    private void Compose(List<int> codes)
    {
        int kept = 0, starter = -1;
        for (int i = 0; i < codes.Count; i++)
        {
            int code = codes[i], mark = Class(code);
            bool blocked = starter < 0 || (kept - 1 > starter && Class(codes[kept - 1]) >= mark);
            if (!blocked && Composite(codes[starter], code) is { } joined)
            {
                codes[starter] = joined;
                continue;
            }
            if (mark == 0)
                starter = kept;
            codes[kept++] = code;
        }
        codes.RemoveRange(kept, codes.Count - kept);
    }

    private int? Composite(int first, int second)
    {
        int l = first - HangulL, v = second - HangulV, s = first - HangulS, t = second - HangulT;
        if (l is >= 0 and < CountL && v is >= 0 and < CountV)
            return HangulS + (((l * CountV) + v) * CountT);
        if (s is >= 0 and < CountS && s % CountT == 0 && t is > 0 and < CountT)
            return first + t;
        return _composite.TryGetValue((first, second), out int joined) ? joined : null;
    }

    private int Class(int code) => _class.GetValueOrDefault(code);
}
