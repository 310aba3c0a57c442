using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace VaccineRef.Fuzz;

/// <summary>
/// Alters a file: single bytes and runs of them, numbers of all widths, words of a text, and values, keys and the
/// structure of JSON. All choices come from one generator, so that a seed gives the same file again.
/// </summary>
public sealed class Mutation(Random random)
{
    private const int MostChanges = 6, DeepestNesting = 2000;

    private static readonly long[] Numbers =
    [
        0, 1, -1, 2, 3, 7, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 1_000_000, int.MaxValue, int.MinValue,
        1L + int.MaxValue,
        uint.MaxValue, 1L << 40, long.MaxValue, long.MinValue, 9_007_199_254_740_993,
    ];

    private static readonly string[] Words =
    [
        "0", "-1", "1e999", "-1e999", "1e-400", "0.1", "NaN", "Infinity", "2147483647", "2147483648",
        "99999999999999999999", "4294967296", "null", "true", "false", "[]", "{}", "\"\"", "[null]", "\"\\u0000\"",
        "\"\\ud800\"", "\"\\u001b[31m\"", "\"../../x\"", "\"/\"", "\"<b>|`\"", "\"(a+)+$\"", "\"(?<\"", "\"a\\nb\"",
        "'", "\"", "\\", "\u00e9", "\ud83d\ude01", "\u2028", "\ufeff", "\0", "\u001b[2J", ",", "\t", "\r", "\n", "{{",
        "}}", "{%",
    ];

    private static readonly byte[] Bytes =
    [
        0, 1, 9, 10, 13, 32, 34, 39, 44, 47, 58, 91, 92, 93, 123, 125, 127, 128, 0xC0, 0xED, 0xEF, 0xFE, 0xFF,
    ];

    /// <summary>Another content in place of a file's.</summary>
    /// <param name="file">The file.</param>
    /// <param name="other">The content of a second one, of which parts may be taken.</param>
    public byte[] Of(SeedFile file, byte[] other)
    {
        // half of what is JSON stays JSON, so that the checks behind the parser are reached
        if (random.Next(2) == 0 && file.Json is { } json)
            return Structured(json);
        byte[] content = file.Content;
        if (content.Length >= sizeof(long) && random.Next(3) == 0 && file.Header is { } header)
            return file.WithHeader(Structured(header));
        for (int left = random.Next(1, MostChanges); left > 0; left--)
            content = Changed(content, other);
        return content;
    }

    private byte[] Changed(byte[] content, byte[] other)
    {
        int at = random.Next(content.Length + 1);
        int length = Math.Min(content.Length - at, 1 << random.Next(10));
        switch (random.Next(10))
        {
            case 0:
                return Spliced(content, at, Math.Min(1, length), [Bytes[random.Next(Bytes.Length)]]);
            case 1:
                return Spliced(content, at, Math.Min(1, length), [(byte)random.Next(256)]);
            case 2:
                return Spliced(content, at, length, []);
            case 3:
                return Spliced(content, at, 0, content.AsSpan(at, length));
            case 4:
                return content[..at];
            case 5:
                int from = random.Next(other.Length + 1);
                return Spliced(
                    content, at, length, other.AsSpan(from, Math.Min(other.Length - from, 1 << random.Next(10))));
            case 6:
                Span<byte> number = stackalloc byte[sizeof(long)];
                long value = Numbers[random.Next(Numbers.Length)];
                if (random.Next(4) == 0)
                    BinaryPrimitives.WriteInt64BigEndian(number, value);
                else
                    BinaryPrimitives.WriteInt64LittleEndian(number, value);
                int width = 1 << random.Next(4);
                return Spliced(content, at, Math.Min(width, content.Length - at), number[..width]);
            case 7:
                return Spliced(
                    content, at, random.Next(2) == 0 ? 0 : length,
                    Encoding.UTF8.GetBytes(Words[random.Next(Words.Length)]));
            case 8:
                return Renumbered(content);
            default:
                return Spliced(
                    content, at, 0,
                    Enumerable.Repeat(Bytes[random.Next(Bytes.Length)], 1 << random.Next(14)).ToArray());
        }
    }

    /// <summary>Another number or word in place of one that stands in the text.</summary>
    private byte[] Renumbered(byte[] content)
    {
        static bool IsPart(byte b) => b is (>= (byte)'0' and <= (byte)'9') or (byte)'.' or (byte)'-';
        int at = random.Next(content.Length + 1);
        int first = content.AsSpan(at).IndexOfAnyInRange((byte)'0', (byte)'9');
        if (first < 0)
            return content;
        int end = first += at;
        while (end < content.Length && IsPart(content[end]))
            end++;
        return Spliced(content, first, end - first, Encoding.UTF8.GetBytes(Words[random.Next(Words.Length)]));
    }

    /// <summary>JSON with some values, keys or parts altered.</summary>
    private byte[] Structured(JsonNode json)
    {
        var root = json.DeepClone();
        var raw = new List<string>();
        for (int left = random.Next(1, 4); left > 0; left--)
            Alter(Anywhere(root), raw);
        string text = root.ToJsonString();
        // what a tree of JSON cannot hold is put in as text: numbers that are too large, half characters, and names
        // that stand twice
        for (int i = 0; i < raw.Count; i++)
            text = text.Replace($"\"\\u0001{i}\"", raw[i], StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes(text);
    }

    private JsonNode Anywhere(JsonNode root)
    {
        var at = root;
        while (random.Next(4) != 0)
        {
            JsonNode?[] below = [.. Children(at)
                .Where(child => child is JsonObject { Count: > 0 } or JsonArray { Count: > 0 })];
            if (below.Length == 0)
                break;
            at = below[random.Next(below.Length)]!;
        }

        return at;
    }

    private static IEnumerable<JsonNode?> Children(JsonNode node) =>
        node is JsonObject named ? named.Select(pair => pair.Value) : (JsonArray)node;

    private void Alter(JsonNode at, List<string> raw)
    {
        JsonNode? Raw(string text)
        {
            raw.Add(text);
            return JsonValue.Create($"\u0001{raw.Count - 1}");
        }

        JsonNode? Value(JsonNode? old) => random.Next(7) switch
        {
            0 => null,
            1 => JsonValue.Create(Numbers[random.Next(Numbers.Length)]),
            2 => Raw(Words[random.Next(30)]),
            3 => new JsonArray(old?.DeepClone()),
            4 => new JsonObject { ["kind"] = old?.DeepClone() },
            5 => Raw(string.Concat(Enumerable.Repeat("[", random.Next(DeepestNesting))) + "1"),
            _ => JsonValue.Create(new string('a', 1 << random.Next(12))),
        };

        switch (at)
        {
            case JsonObject named when named.Count > 0:
                var (key, old) = named.ElementAt(random.Next(named.Count));
                int way = random.Next(5);
                if (way == 0)
                    named.Remove(key);
                else if (way == 1)
                    named[key + Words[random.Next(Words.Length)]] = old?.DeepClone();
                else if (way == 2 && named.Count > 1)
                    named[key] = named.ElementAt(random.Next(named.Count)).Value?.DeepClone();
                else
                    named[key] = Value(old);
                break;
            case JsonArray list when list.Count > 0:
                int index = random.Next(list.Count);
                int how = random.Next(3);
                if (how == 0)
                    list.RemoveAt(index);
                else if (how == 1)
                    list.Insert(index, list[random.Next(list.Count)]?.DeepClone());
                else
                    list[index] = Value(list[index]);
                break;
        }
    }

    private static byte[] Spliced(byte[] content, int at, int removed, ReadOnlySpan<byte> put) =>
        [.. content.AsSpan(0, at), .. put, .. content.AsSpan(at + removed)];
}
