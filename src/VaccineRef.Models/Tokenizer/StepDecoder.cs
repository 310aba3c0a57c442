namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// Hugging Face's decoding: the ids' tokens, less the special ones if asked, through the decoder's steps.
/// </summary>
internal sealed class StepDecoder(
    IReadOnlyDictionary<int, string> tokens, IEnumerable<int> special, Func<List<string>, List<string>> steps)
    : ITokenDecoder
{
    private readonly HashSet<int> _special = [.. special];

    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var found = new List<string>(ids.Length);
        foreach (int id in ids)
        {
            if (tokens.TryGetValue(id, out string? token) && !(skipSpecialTokens && _special.Contains(id)))
                found.Add(token);
        }
        return string.Concat(steps(found));
    }
}
