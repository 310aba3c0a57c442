using System.Buffers.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// The format in which Llama 3 was first released: a line for each piece, its bytes in Base64 and its rank, in a file
/// that is named tokenizer.model as SentencePiece's are. It lacks the pattern and the special tokens.
/// </summary>
internal static class TiktokenFile
{
    private const int Lines = 3;

    /// <summary>Whether the first lines of a file are such lines.</summary>
    public static bool Is(ReadOnlySpan<byte> bytes)
    {
        int seen = 0;
        while (seen < Lines && !bytes.IsEmpty)
        {
            int end = bytes.IndexOf((byte)'\n');
            var line = bytes[..(end < 0 ? bytes.Length : end)].TrimEnd((byte)'\r');
            int space = line.IndexOf((byte)' ');
            if (space < 1 || !Base64.IsValid(line[..space]) || !IsNumber(line[(space + 1)..]))
                return false;
            seen++;
            bytes = end < 0 ? [] : bytes[(end + 1)..];
        }
        return seen > 0;
    }

    public static TokenizerException Refuse(string path) => new(
        "the file is a tiktoken vocabulary and no SentencePiece model", path, "lines of Base64 with ranks",
        "a SentencePiece model, or tokenizer.json beside it",
        "take tokenizer.json from the model's Hugging Face folder: a tiktoken file lacks the special tokens");

    private static bool IsNumber(ReadOnlySpan<byte> text) =>
        text.Length > 0 && !text.ContainsAnyExceptInRange((byte)'0', (byte)'9');
}
