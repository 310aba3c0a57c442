using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;

namespace VaccineRef.Models;

/// <summary>
/// A typed view of <c>config.json</c> or another JSON file of settings. A key that is absent and a key that is null
/// mean the same, as they do in Hugging Face's configurations. Every complaint names the file and the key.
/// </summary>
public sealed class ConfigReader
{
    /// <summary>The name of the file in a model folder.</summary>
    public const string FileName = "config.json";

    private readonly JsonElement _settings;
    private readonly string _prefix;

    private ConfigReader(string file, ReadOnlyMemory<byte> raw, JsonElement settings, string prefix = "") =>
        (File, Raw, _settings, _prefix) = (file, raw, settings, prefix);

    private delegate bool Convert<T>(JsonElement element, out T value);

    /// <summary>The file.</summary>
    public string File { get; }

    /// <summary>The bytes of the file, so that a saved model can carry the configuration it was loaded with.</summary>
    public ReadOnlyMemory<byte> Raw { get; }

    /// <summary>The keys at this level, in the order of the file.</summary>
    public IEnumerable<string> Keys => _settings.EnumerateObject().Select(property => property.Name);

    /// <summary>Reads <c>config.json</c> of a model folder.</summary>
    /// <exception cref="CheckpointException">The file is missing or not an object with distinct keys.</exception>
    public static ConfigReader Open(string folder) => OpenFile(Path.Combine(folder, FileName));

    /// <summary>Reads a JSON file of settings.</summary>
    /// <exception cref="CheckpointException">The file is missing or not an object with distinct keys.</exception>
    public static ConfigReader OpenFile(string path)
    {
        try
        {
            byte[] bytes = System.IO.File.ReadAllBytes(path);
            return GitLfsPointer.Is(bytes, bytes.Length)
                ? throw GitLfsPointer.Refuse(path, "a JSON file of settings")
                : Parse(bytes, path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException("a configuration cannot be read", path, found: error.Message, inner: error);
        }
    }

    /// <summary>Reads settings that are in memory.</summary>
    /// <param name="raw">A JSON object in UTF-8.</param>
    /// <param name="file">What complaints call it, and the name under which <see cref="CopyTo"/> writes it.</param>
    /// <exception cref="CheckpointException">This is not a JSON object with distinct keys.</exception>
    public static ConfigReader Parse(ReadOnlyMemory<byte> raw, string file = FileName)
    {
        try
        {
            if (!Utf8.IsValid(raw.Span))
                throw new JsonException("the text is not UTF-8");
            using var json = JsonDocument.Parse(raw, new() { AllowDuplicateProperties = false });
            var reader = new ConfigReader(file, raw, json.RootElement.Clone());
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new JsonException($"the file holds {json.RootElement.ValueKind}");
            _ = reader.Keys.Count(); // a key whose escapes are no Unicode text shows itself here
            return reader;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new CheckpointException(
                "a configuration is not JSON", file, null, error.Message, "one object, every key once", inner: error);
        }
    }

    /// <summary>The same settings with some of them changed.</summary>
    internal ConfigReader With(JsonObject changes)
    {
        var all = JsonNode.Parse(Raw.Span)!.AsObject();
        foreach (var (key, value) in changes)
            all[key] = value?.DeepClone();
        return Parse(Encoding.UTF8.GetBytes(all.ToJsonString()), File);
    }

    /// <summary>Writes the file unchanged into another folder.</summary>
    public void CopyTo(string folder) =>
        AtomicFile.Write(Path.Combine(folder, Path.GetFileName(File)), stream => stream.Write(Raw.Span));

    /// <summary>True where the key is present and not null.</summary>
    public bool Has(string key) =>
        _settings.TryGetProperty(key, out var element) && element.ValueKind != JsonValueKind.Null;

    /// <summary>A whole number.</summary>
    /// <exception cref="CheckpointException">The key is missing or of another type; so below.</exception>
    public int Int(string key) => Get<int>(key, "a whole number", TryInt);

    /// <summary>A whole number, or <paramref name="otherwise"/> where the key is absent.</summary>
    public int Int(string key, int otherwise) => Has(key) ? Int(key) : otherwise;

    /// <summary>A number.</summary>
    public double Double(string key) => Get<double>(key, "a number", TryDouble);

    /// <summary>A number, or <paramref name="otherwise"/> where the key is absent.</summary>
    public double Double(string key, double otherwise) => Has(key) ? Double(key) : otherwise;

    /// <summary>A list of numbers; a lone number is a list of one, an absent key an empty list.</summary>
    public ImmutableArray<double> Doubles(string key) => List<double>(key, "a list of numbers", TryDouble);

    /// <summary>A truth value.</summary>
    public bool Bool(string key) => Get(key, "true or false", (JsonElement e, out bool value) =>
    {
        value = e.ValueKind == JsonValueKind.True;
        return value || e.ValueKind == JsonValueKind.False;
    });

    /// <summary>A truth value, or <paramref name="otherwise"/> where the key is absent.</summary>
    public bool Bool(string key, bool otherwise) => Has(key) ? Bool(key) : otherwise;

    /// <summary>A string.</summary>
    public string String(string key) => Get<string>(key, "a string", TryString);

    /// <summary>A string, or <paramref name="otherwise"/> where the key is absent.</summary>
    public string String(string key, string otherwise) => Has(key) ? String(key) : otherwise;

    /// <summary>A list of whole numbers; a lone number is a list of one, an absent key an empty list.</summary>
    public ImmutableArray<int> Ints(string key) => List<int>(key, "a list of whole numbers", TryInt);

    /// <summary>A list of strings; a lone string is a list of one, an absent key an empty list.</summary>
    public ImmutableArray<string> Strings(string key) => List<string>(key, "a list of strings", TryString);

    /// <summary>What the key holds; <see cref="JsonValueKind.Null"/> where it is absent.</summary>
    public JsonValueKind Kind(string key) => Has(key) ? _settings.GetProperty(key).ValueKind : JsonValueKind.Null;

    /// <summary>The object under a key, such as <c>rope_scaling</c>; null where the key is absent.</summary>
    public ConfigReader? Section(string key) => Kind(key) switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.Object => new(File, Raw, _settings.GetProperty(key), $"{_prefix}{key}."),
        _ => throw WrongType(key, "an object"),
    };

    /// <summary>The key with the names of the objects around it, as complaints write it.</summary>
    internal string FullName(string key) => _prefix + key;

    /// <summary>Refuses a setting that this program does not implement.</summary>
    /// <exception cref="CheckpointException">The key is present, not null and not <paramref name="value"/>.</exception>
    public void RequireAbsentOrEqual(string key, bool value) =>
        Require(key, !Has(key) || Bool(key) == value, value ? "true" : "false");

    /// <inheritdoc cref="RequireAbsentOrEqual(string, bool)"/>
    public void RequireAbsentOrEqual(string key, double value) =>
        Require(key, !Has(key) || Double(key).Equals(value), $"{value:R}");

    /// <inheritdoc cref="RequireAbsentOrEqual(string, bool)"/>
    public void RequireAbsentOrEqual(string key, string value) =>
        Require(key, !Has(key) || String(key) == value, value);

    /// <summary>Refuses a setting that this program does not implement, unless it is null, false or empty.</summary>
    /// <exception cref="CheckpointException">The key holds something.</exception>
    public void RequireEmpty(string key) =>
        Require(key, !Has(key) || IsEmpty(_settings.GetProperty(key)), "absent, null, false or empty");

    private static bool IsEmpty(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.False => true,
        JsonValueKind.Array => element.GetArrayLength() == 0,
        JsonValueKind.Object => element.GetPropertyCount() == 0,
        JsonValueKind.String => element.ValueEquals(""),
        _ => false,
    };

    /// <summary>The complaint that this program does not do what a setting asks for.</summary>
    public CheckpointException Unsupported(string key, string expected) => new(
        "a setting is not supported", File, _prefix + key, Has(key) ? _settings.GetProperty(key).GetRawText() : null,
        expected, "use a model without this setting");

    private void Require(string key, bool supported, string expected)
    {
        if (!supported)
            throw Unsupported(key, expected);
    }

    private static bool TryInt(JsonElement element, out int value)
    {
        value = 0;
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out value);
    }

    private static bool TryDouble(JsonElement element, out double value)
    {
        value = 0;
        return element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out value) && double.IsFinite(value);
    }

    private static bool TryString(JsonElement element, out string value)
    {
        value = "";
        if (element.ValueKind != JsonValueKind.String)
            return false;
        try
        {
            value = element.GetString()!;
            return true;
        }
        catch (InvalidOperationException)
        {
            return false; // an escape that is half a surrogate pair
        }
    }

    private ImmutableArray<T> List<T>(string key, string expected, Convert<T> convert)
    {
        if (!Has(key))
            return [];
        return Get(key, expected, (JsonElement element, out ImmutableArray<T> values) =>
        {
            var builder = ImmutableArray.CreateBuilder<T>();
            var elements = element.ValueKind == JsonValueKind.Array ? element.EnumerateArray().ToArray() : [element];
            foreach (var item in elements)
            {
                if (convert(item, out var value))
                    builder.Add(value);
            }

            values = builder.ToImmutable();
            return values.Length == elements.Length;
        });
    }

    private T Get<T>(string key, string expected, Convert<T> convert)
    {
        if (!Has(key))
            throw new CheckpointException("a setting is missing", File, _prefix + key, null, expected);
        return convert(_settings.GetProperty(key), out var value) ? value : throw WrongType(key, expected);
    }

    private CheckpointException WrongType(string key, string expected) => new(
        "a setting has the wrong type", File, _prefix + key, _settings.GetProperty(key).GetRawText(), expected);
}
