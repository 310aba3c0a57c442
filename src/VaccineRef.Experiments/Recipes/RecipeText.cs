using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// Reads the text of a recipe as JSON with comments and trailing commas. Whatever is wrong is named with its line and
/// its column.
/// </summary>
internal static class RecipeText
{
    private const string NoJson = "the recipe is not JSON";

    private static readonly JsonReaderOptions Lenient =
        new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Reads a recipe.</summary>
    /// <param name="text">The bytes of the file.</param>
    /// <param name="where">Names it in errors.</param>
    /// <exception cref="RecipeException">
    /// It is no UTF-8, or not one JSON object, or a key stands twice in one.
    /// </exception>
    public static JsonObject Parse(ReadOnlySpan<byte> text, string where)
    {
        RequireText(ref text, where);
        try
        {
            RequireEveryKeyOnce(text, where);
            var options =
                new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };
            return JsonNode.Parse(text, documentOptions: options) as JsonObject
                ?? throw Wrong(where, "something else than an object at line 1, column 1");
        }
        catch (JsonException error)
        {
            throw Broken(text, where, error);
        }
    }

    private static void RequireText(ref ReadOnlySpan<byte> text, string where)
    {
        if (text is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] or [0, not 0, ..] or [not 0, 0, ..])
            throw new RecipeException(
                "the recipe is UTF-16, not UTF-8", where, "bytes of UTF-16 from line 1, column 1", "UTF-8",
                "save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8");
        if (text.StartsWith(TextStream.Mark))
            text = text[TextStream.Mark.Length..];
        if (!System.Text.Unicode.Utf8.IsValid(text))
            throw Wrong(where, $"a byte that is no UTF-8 at {PlaceOf(text, FirstInvalid(text))}");
        if (text.IndexOf((byte)0) is >= 0 and var zero)
            throw Wrong(where, $"a NUL byte at {PlaceOf(text, zero)}");
    }

    private static TextPlace PlaceOf(ReadOnlySpan<byte> text, int offset) => default(TextCursor).At(text[..offset]);

    private static int FirstInvalid(ReadOnlySpan<byte> text)
    {
        int at = 0;
        while (Rune.DecodeFromUtf8(text[at..], out _, out int length) == System.Buffers.OperationStatus.Done)
            at += length;
        return at;
    }

    private static void RequireEveryKeyOnce(ReadOnlySpan<byte> text, string where)
    {
        var reader = new Utf8JsonReader(text, Lenient);
        var open = new Stack<HashSet<string>>();
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.StartObject)
                open.Push([]);
            else if (reader.TokenType == JsonTokenType.EndObject)
                open.Pop();
            else if (reader.TokenType == JsonTokenType.PropertyName && !open.Peek().Add(reader.GetString()!))
                throw new RecipeException(
                    "a key stands twice in one object of the recipe", where,
                    $"\"{reader.GetString()}\" again at {PlaceOf(text, (int)reader.TokenStartIndex)}", "every key once",
                    "remove or rename one of the two");
        }
    }

    private static RecipeException Broken(ReadOnlySpan<byte> text, string where, JsonException error)
    {
        int offset = JsonValues.Offset(text, error);
        var rest = text[offset..];
        var place = PlaceOf(text, offset);
        if (rest.StartsWith(TextStream.Mark))
            return Wrong(where, $"a byte-order mark inside the text at {place}", error);
        if (JsonValues.NotFinite(rest) is { } number)
            return new(
                "a number of the recipe is not finite", where, $"{number} at {place}", "a JSON number",
                "write a number, or leave the key out for its default", error);
        return Wrong(where, $"an error at {place}: {error.Message.Split(" LineNumber:")[0]}", error);
    }

    private static RecipeException Wrong(string where, string found, Exception? inner = null) =>
        new(NoJson, where, found, "one object in UTF-8, with every key once; comments and trailing commas are allowed", inner: inner);
}
