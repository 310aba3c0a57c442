using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// GPT-2's table of 256 visible characters, one for each byte: the bytes that print in Latin-1 stand for themselves,
/// the other 68 are U+0100 onward in order. With it, any text is a string over an alphabet that a vocabulary can hold
/// completely.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] CharOf = new char[256];
    private static readonly Dictionary<char, byte> ByteOf = [];

    static ByteAlphabet()
    {
        char next = '\u0100';
        for (int b = 0; b < 256; b++)
        {
            bool prints = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            CharOf[b] = prints ? (char)b : next++;
            ByteOf[CharOf[b]] = (byte)b;
        }
    }

    /// <summary>The UTF-8 bytes of <paramref name="text"/>, each as its character.</summary>
    public static string FromText(ReadOnlySpan<char> text)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        return string.Create(bytes.Length, bytes, static (chars, from) =>
        {
            for (int i = 0; i < chars.Length; i++)
                chars[i] = CharOf[from[i]];
        });
    }

    /// <summary>
    /// The text whose bytes the tokens spell; a token with a character outside the table stands for its own UTF-8.
    /// </summary>
    public static string ToText(IEnumerable<string> tokens)
    {
        var bytes = new List<byte>();
        foreach (string token in tokens)
            bytes.AddRange(token.All(ByteOf.ContainsKey)
                ? [.. token.Select(c => ByteOf[c])]
                : Encoding.UTF8.GetBytes(token));
        return Encoding.UTF8.GetString([.. bytes]);
    }
}
