namespace VaccineRef.Models.Chat.Jinja;

/// <summary>
/// The variables of a template, of one turn of a loop, or of a macro. What is set in an inner scope is not seen
/// outside.
/// </summary>
internal sealed class JinjaScope(JinjaScope? outer)
{
    private readonly Dictionary<string, object?> _variables = [];

    public object? this[string name]
    {
        get => _variables.TryGetValue(name, out object? value)
            ? value
            : outer is null ? new Undefined(name) : outer[name];
        set => _variables[name] = value;
    }
}
