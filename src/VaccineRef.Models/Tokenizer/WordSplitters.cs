using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// Cuts a text into words and appends them; <paramref name="first"/> when it starts where the user's text starts.
/// </summary>
internal delegate void WordSplitter(ReadOnlyMemory<char> text, bool first, List<ReadOnlyMemory<char>> words);

/// <summary>The pre-tokenisers of tokenizer.json: the model merges within words, never across them.</summary>
internal static class WordSplitters
{
    /// <summary>The steps in order, and whether the words are then spelled in <see cref="ByteAlphabet"/>.</summary>
    public static (WordSplitter[] Steps, bool ByteLevel) Read(Setting setting)
    {
        var parts = Parts(setting);
        bool byteLevel = false;
        var steps = new List<WordSplitter>();
        foreach (var part in parts)
        {
            if (byteLevel)
                throw part.Unsupported("nothing after ByteLevel");
            byteLevel = part["type"].Text() == "ByteLevel";
            steps.Add(One(part));
        }
        return ([.. steps], byteLevel);
    }

    /// <summary>
    /// The one pattern of a byte-level pre-tokenizer that puts no space in front; null where it is another kind.
    /// </summary>
    public static WordScanner? Pattern(Setting setting)
    {
        var parts = Parts(setting);
        if (parts is not [.., var last] || last["type"].Text() != "ByteLevel" || last["add_prefix_space"].Flag(true))
            return null;
        return (parts, last["use_regex"].Flag(true)) switch
        {
            ([_], true) => WordScanner.Gpt2,
            ([var split, _], false) when split["type"].Text() == "Split" =>
                WordScanner.Known.GetValueOrDefault(split["pattern"]["Regex"].Text()),
            _ => null,
        };
    }

    /// <summary>
    /// GPT-2's: its pattern, and a space before each text that has none where <paramref name="addPrefixSpace"/>.
    /// </summary>
    public static WordSplitter ByteLevel(bool addPrefixSpace, bool cut = true) => (text, _, words) =>
    {
        if (addPrefixSpace && text.Span[0] != ' ')
            text = (" " + text.ToString()).AsMemory();
        if (cut)
            WordScanner.Gpt2.Cut(text, words);
        else
            words.Add(text);
    };

    /// <summary>Qwen2's: its pattern.</summary>
    public static void Qwen2(ReadOnlyMemory<char> text, bool first, List<ReadOnlyMemory<char>> words) =>
        WordScanner.Qwen2.Cut(text, words);

    private static Setting[] Parts(Setting setting)
    {
        if (!setting.Given)
            return [];
        if (setting["type"].Text() != "Sequence")
            return [setting];
        setting.AllowOnly("type", "pretokenizers");
        return [.. setting["pretokenizers"].Items()];
    }

    private static WordSplitter One(Setting setting)
    {
        switch (setting["type"].Text())
        {
            case "ByteLevel":
                setting.AllowOnly("type", "add_prefix_space", "trim_offsets", "use_regex");
                return ByteLevel(setting["add_prefix_space"].Flag(true), setting["use_regex"].Flag(true));
            case "Split":
                return Split(setting);
            case "Digits":
                setting.AllowOnly("type", "individual_digits");
                return Digits(setting["individual_digits"].Flag(false));
            case "Metaspace":
                return Metaspace(setting);
            default:
                throw setting["type"].Unsupported("ByteLevel, Split, Digits, Metaspace, or a Sequence of these");
        }
    }

    private static WordSplitter Split(Setting setting)
    {
        setting.AllowOnly("type", "pattern", "behavior", "invert");
        setting["pattern"].AllowOnly("Regex");
        var pattern = setting["pattern"]["Regex"];
        if (!WordScanner.Known.TryGetValue(pattern.Text(), out var scanner))
            throw pattern.Unsupported($"letter for letter one of\n    {string.Join("\n    ", WordScanner.Known.Keys)}");

        // Every character belongs to a match of these patterns: there is nothing between matches to keep or remove.
        return (setting["behavior"].Text(), setting["invert"].Flag(false)) is ("Isolated", _) or ("Removed", true)
            ? (text, _, words) => scanner.Cut(text, words)
            : throw setting["behavior"].Unsupported("\"Isolated\", or \"Removed\" with invert");
    }

    private static WordSplitter Digits(bool individual) => (text, _, words) =>
    {
        int start = 0;
        bool wasNumber = false;
        for (int at = 0; at < text.Length;)
        {
            Rune.DecodeFromUtf16(text.Span[at..], out Rune rune, out int width);
            bool isNumber = Rune.IsNumber(rune);
            if (at > start && (isNumber != wasNumber || (isNumber && individual)))
            {
                words.Add(text[start..at]);
                start = at;
            }
            wasNumber = isNumber;
            at += width;
        }
        words.Add(text[start..]);
    };

    private static WordSplitter Metaspace(Setting setting)
    {
        setting.AllowOnly("type", "replacement", "str_rep", "add_prefix_space", "prepend_scheme", "split");
        string mark = setting["replacement"].Text();
        var scheme = setting["prepend_scheme"];
        string prepend = scheme.TextOrNull() ?? (setting["add_prefix_space"].Flag(true) ? "always" : "never");
        if (prepend is not ("always" or "first" or "never"))
            throw scheme.Unsupported("always, first, never");
        if (mark.Length != 1)
            throw setting["replacement"].Unsupported("one character");
        bool split = setting["split"].Flag(true);

        return (text, first, words) =>
        {
            string marked = text.ToString().Replace(" ", mark, StringComparison.Ordinal);
            if ((prepend == "always" || (prepend == "first" && first)) && marked[0] != mark[0])
                marked = mark + marked;
            int start = 0;
            for (int next = 1; split && (next = marked.IndexOf(mark[0], next)) >= 0; start = next++)
                words.Add(marked.AsMemory(start..next));
            words.Add(marked.AsMemory(start));
        };
    }
}
