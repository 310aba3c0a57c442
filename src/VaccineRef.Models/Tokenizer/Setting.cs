using System.Text.Json;

namespace VaccineRef.Models.Tokenizer;

/// <summary>A JSON value that knows where it stands, so that whoever finds it wrong can say so.</summary>
internal readonly record struct Setting(string File, string Path, JsonElement Value)
{
    /// <summary>No vocabulary is larger, and no memory is taken for a file that claims to hold one.</summary>
    public const int IdLimit = 1 << 24;

    /// <summary>True unless the value is absent or null.</summary>
    public bool Given => Value.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    /// <summary>A member; not <see cref="Given"/> when this has none of that name.</summary>
    public Setting this[string key] => new(File, $"{Path}.{key}", Member(key));

    public string Text() => TextOrNull() ?? throw Unexpected("a string");

    public string? TextOrNull() => Value.ValueKind switch
    {
        JsonValueKind.String => Decoded(static v => v.GetString()!, Value),
        JsonValueKind.Undefined or JsonValueKind.Null => null,
        _ => throw Unexpected("a string"),
    };

    public bool? FlagOrNull() => Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Undefined or JsonValueKind.Null => null,
        _ => throw Unexpected("true or false"),
    };

    public bool Flag(bool otherwise) => FlagOrNull() ?? otherwise;

    public int Id() => Is(JsonValueKind.Number) && Value.TryGetInt32(out int id) && id is >= 0 and < IdLimit
        ? id
        : throw Unexpected($"a token id (0 to {IdLimit - 1})");

    public bool Is(JsonValueKind kind) => Value.ValueKind == kind;

    public IEnumerable<Setting> Items()
    {
        if (!Is(JsonValueKind.Array))
            throw Unexpected("an array");
        int i = 0;
        foreach (var item in Value.EnumerateArray())
            yield return new Setting(File, $"{Path}[{i++}]", item);
    }

    public IEnumerable<(string Name, Setting Value)> Members()
    {
        if (!Is(JsonValueKind.Object))
            throw Unexpected("an object");
        foreach (var member in Value.EnumerateObject())
        {
            string name = Decoded(static m => m.Name, member);
            yield return (name, new Setting(File, $"{Path}[\"{name}\"]", member.Value));
        }
    }

    /// <summary>
    /// Refuses members other than <paramref name="keys"/>: a setting that is not understood must not be ignored.
    /// </summary>
    public void AllowOnly(params ReadOnlySpan<string> keys)
    {
        foreach (var (name, value) in Members())
        {
            if (!keys.Contains(name))
                throw value.Unsupported($"one of {string.Join(", ", keys)}");
        }
    }

    public TokenizerException Unexpected(string expected) =>
        new("a tokenizer setting has the wrong form", Where, Found, expected);

    public TokenizerException Unsupported(string? supported = null) =>
        new("a tokenizer setting is not supported", Where, Found, supported);

    private string Where => $"{File}: {Path}";

    private string Found
    {
        get
        {
            try
            {
                string text = Is(JsonValueKind.Undefined) ? "nothing" : Value.GetRawText();
                return text.Length <= 80 ? text : text[..80] + "...";
            }
            catch (InvalidOperationException)      // broken UTF-8, found only now
            {
                return "text that is not valid UTF-8";
            }
        }
    }

    private JsonElement Member(string key)
    {
        try
        {
            return Is(JsonValueKind.Object) && Value.TryGetProperty(key, out var value) ? value : default;
        }
        catch (InvalidOperationException e)      // a name beside it is half a surrogate pair, found only now
        {
            throw new TokenizerException("a tokenizer setting has a name that is not valid text", Where, inner: e);
        }
    }

    private string Decoded<T>(Func<T, string> read, T value)
    {
        try
        {
            return read(value);
        }
        catch (InvalidOperationException e)      // half a surrogate pair or broken UTF-8, found only now
        {
            throw new TokenizerException("a tokenizer setting is not valid text", Where, inner: e);
        }
    }
}
