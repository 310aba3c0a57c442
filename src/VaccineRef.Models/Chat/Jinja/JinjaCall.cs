namespace VaccineRef.Models.Chat.Jinja;

/// <summary>Something that can be called.</summary>
internal delegate object? JinjaFunction(JinjaCall call);

/// <summary>The arguments of a call. Each must be asked for, or it is an error.</summary>
internal sealed class JinjaCall(
    string name, IReadOnlyList<object?> byPlace, IReadOnlyList<(string Name, object? Value)> byName)
{
    public int Count => byPlace.Count;

    public IReadOnlyList<object?> ByPlace => byPlace;

    public IReadOnlyList<(string Name, object? Value)> ByName => byName;

    /// <summary>An argument by its place or its name; what is given otherwise where it is absent.</summary>
    public object? Get(int place, string argument, object? otherwise = null)
    {
        if (place < byPlace.Count)
            return byPlace[place];
        foreach (var (key, value) in byName)
            if (key == argument)
                return value;
        return otherwise;
    }

    public string Text(int place, string argument, string? otherwise = null) => Get(place, argument, otherwise) as string
        ?? throw new JinjaError($"{name} takes a text as {argument}");

    /// <summary>Requires that there are no arguments but these.</summary>
    public JinjaCall Allow(params ReadOnlySpan<string> arguments)
    {
        if (byPlace.Count > arguments.Length)
            throw new JinjaError($"{name} takes at most {arguments.Length} arguments here");
        foreach (var (key, _) in byName)
            if (!arguments.Contains(key))
                throw new JinjaError($"{name} takes no argument '{key}' here");
        return this;
    }
}
