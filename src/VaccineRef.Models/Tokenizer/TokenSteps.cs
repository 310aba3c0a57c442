using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// The decoders of tokenizer.json: functions from tokens to tokens, whose last result is joined to the text.
/// </summary>
internal static class TokenSteps
{
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    public static Func<List<string>, List<string>> Read(Setting setting)
    {
        if (!setting.Given)
            return static tokens => [string.Join(' ', tokens)];
        switch (setting["type"].Text())
        {
            case "ByteLevel":
                setting.AllowOnly("type", "add_prefix_space", "trim_offsets", "use_regex");
                return static tokens => [ByteAlphabet.ToText(tokens)];
            case "Replace":
                var replace = Normalizers.Replace(setting);
                return tokens => tokens.ConvertAll(token => replace(token));
            case "ByteFallback":
                setting.AllowOnly("type");
                return ByteFallback;
            case "Fuse":
                setting.AllowOnly("type");
                return static tokens => [string.Concat(tokens)];
            case "Strip":
                return Strip(setting);
            case "Metaspace":
                return Metaspace(setting);
            case "Sequence":
                setting.AllowOnly("type", "decoders");
                Func<List<string>, List<string>>[] steps = [.. setting["decoders"].Items().Select(Read)];
                return tokens => steps.Aggregate(tokens, (current, step) => step(current));
            default:
                throw setting["type"].Unsupported("ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace, Sequence");
        }
    }

    /// <summary>
    /// Runs of &lt;0x..&gt; become the text they spell in UTF-8, or as many U+FFFD as there are bytes.
    /// </summary>
    private static List<string> ByteFallback(List<string> tokens)
    {
        var result = new List<string>(tokens.Count);
        var bytes = new List<byte>();
        void Flush()
        {
            try
            {
                if (bytes.Count > 0)
                    result.Add(StrictUtf8.GetString([.. bytes]));
            }
            catch (DecoderFallbackException)
            {
                result.Add(new string('\uFFFD', bytes.Count));
            }
            bytes.Clear();
        }

        foreach (string token in tokens)
        {
            if (token is ['<', '0', 'x', _, _, '>'] && token[3..5].All(char.IsAsciiHexDigit))
            {
                bytes.AddRange(Convert.FromHexString(token[3..5]));
                continue;
            }
            Flush();
            result.Add(token);
        }
        Flush();
        return result;
    }

    /// <summary>Takes up to <c>start</c> and <c>stop</c> of one character off the ends of each token.</summary>
    private static Func<List<string>, List<string>> Strip(Setting setting)
    {
        setting.AllowOnly("type", "content", "start", "stop");
        string content = setting["content"].Text();
        int start = setting["start"].Id(), stop = setting["stop"].Id();
        if (content.Length != 1)
            throw setting["content"].Unsupported("one character");
        return tokens => tokens.ConvertAll(token =>
        {
            int from = 0, to = token.Length;
            while (from < Math.Min(start, token.Length) && token[from] == content[0])
                from++;
            while (to > from && token.Length - to < stop && token[to - 1] == content[0])
                to--;
            return token[from..to];
        });
    }

    private static Func<List<string>, List<string>> Metaspace(Setting setting)
    {
        setting.AllowOnly("type", "replacement", "str_rep", "add_prefix_space", "prepend_scheme", "split");
        string mark = setting["replacement"].Text();
        bool prepended = setting["prepend_scheme"].TextOrNull() is { } scheme
            ? scheme != "never"
            : setting["add_prefix_space"].Flag(true);
        if (mark.Length != 1)
            throw setting["replacement"].Unsupported("one character");
        return tokens => [.. tokens.Select((token, i) =>
            token.Replace(mark, i == 0 && prepended ? "" : " ", StringComparison.Ordinal))];
    }
}
