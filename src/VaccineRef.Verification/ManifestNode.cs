using System.Globalization;
using System.Text.Json;
using VaccineRef.Core;

namespace VaccineRef.Verification;

/// <summary>
/// A place in a manifest that knows its own path: what is missing or of another type is an error that names it, and
/// never a default.
/// </summary>
/// <param name="element">The JSON there.</param>
/// <param name="file">The manifest's file.</param>
/// <param name="path">The place as messages show it; empty at the root.</param>
internal readonly struct ManifestNode(JsonElement element, string file, string path = "")
{
    private readonly JsonElement _element = element;
    private readonly string _file = file;

    /// <summary>The place, "vaccine.rho.2.second_loss".</summary>
    public string Path { get; } = path;

    /// <summary>What is below this place under a key.</summary>
    /// <exception cref="InputException">There is no such key, or this is no object.</exception>
    public ManifestNode this[string key] => Find(key) ?? throw Missing(key);

    /// <summary>What is below this place under a key, or null where there is no such key or it holds null.</summary>
    public ManifestNode? Find(string key)
    {
        Require(JsonValueKind.Object, "an object");
        return _element.TryGetProperty(key, out var found) && found.ValueKind != JsonValueKind.Null
            ? new(found, _file, Join(key))
            : null;
    }

    /// <summary>Everything below an object, in the order of the file.</summary>
    public IReadOnlyList<ManifestNode> Members()
    {
        Require(JsonValueKind.Object, "an object");
        string file = _file, path = Path;
        return [.. _element.EnumerateObject().Select(member => new ManifestNode(
            member.Value, file, path.Length == 0 ? member.Name : $"{path}.{member.Name}"))];
    }

    /// <summary>The items of a list that has some.</summary>
    /// <exception cref="InputException">This is no list, or an empty one: nothing would be compared.</exception>
    public IReadOnlyList<ManifestNode> Items()
    {
        Require(JsonValueKind.Array, "a list");
        string file = _file, path = Path;
        ManifestNode[] items = [.. _element.EnumerateArray()
            .Select((item, i) => new ManifestNode(item, file, $"{path}[{i}]"))];
        return items.Length > 0 ? items : throw Wrong("an empty list", "at least one item");
    }

    /// <summary>A finite number.</summary>
    public double Number()
    {
        Require(JsonValueKind.Number, "a number");
        return _element.TryGetDouble(out double value) && double.IsFinite(value)
            ? value
            : throw Wrong(_element.GetRawText(), "a finite number");
    }

    /// <summary>A whole number.</summary>
    public int Whole() =>
        _element.ValueKind == JsonValueKind.Number && _element.TryGetInt32(out int value)
            ? value
            : throw Wrong(_element.GetRawText(), "a whole number");

    /// <summary>A string.</summary>
    public string Text()
    {
        Require(JsonValueKind.String, "a string");
        try
        {
            return _element.GetString()!;
        }
        catch (InvalidOperationException)           // half a surrogate pair, written as \ud800
        {
            throw Wrong(_element.GetRawText(), "a string of whole characters");
        }
    }

    /// <summary>The number that the last part of the path is: a radius that stands as a key.</summary>
    public double NameAsNumber(string name) =>
        double.TryParse(name, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            && double.IsFinite(value)
            ? value
            : throw Wrong(name, "a key that is a number");

    /// <summary>The complaint about what stands here.</summary>
    public InputException Wrong(string found, string expected) => new(
        "a golden case's manifest holds the wrong thing", $"{_file}, key {Path}", Short(found), expected,
        "the layout of the golden folder's README");

    private static string Short(string text) => text.Length > 200 ? text[..200] + "..." : text;

    private InputException Missing(string key) => new(
        "a golden case lacks a number", $"{_file}, key {Join(key)}", "no such key",
        "the layout of the golden folder's README");

    private string Join(string key) => Path.Length == 0 ? key : $"{Path}.{key}";

    private void Require(JsonValueKind kind, string expected)
    {
        if (_element.ValueKind != kind)
            throw Wrong(_element.ValueKind == JsonValueKind.Undefined ? "nothing" : _element.GetRawText(), expected);
    }
}
