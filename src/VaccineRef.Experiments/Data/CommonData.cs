namespace VaccineRef.Experiments.Data;

/// <summary>
/// What several trials have in common, made once: tokenizers, encoders with the rows that they have encoded, worlds. It
/// belongs to one thread, and holds what it made as long as it lives.
/// </summary>
public sealed class CommonData
{
    private readonly Dictionary<object, object> _made = [];

    /// <summary>What belongs to a key: made when it is asked for first.</summary>
    /// <param name="key">All that it depends on, with its kind.</param>
    /// <param name="make">Makes it.</param>
    internal TMade Once<TMade>(object key, Func<TMade> make) where TMade : class
    {
        if (!_made.TryGetValue(key, out object? made))
            _made.Add(key, made = make());
        return (TMade)made;
    }
}
