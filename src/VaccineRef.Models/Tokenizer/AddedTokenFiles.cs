using System.Globalization;
using System.Text.Json;

namespace VaccineRef.Models.Tokenizer;

/// <summary>How the small files beside a vocabulary write tokens: as a text, or as an object with flags.</summary>
internal static class AddedTokenFiles
{
    /// <summary>
    /// added_tokens_decoder of tokenizer_config.json, and what added_tokens.json has besides. A token that is named as
    /// special is special, whatever flag it has here.
    /// </summary>
    public static List<AddedToken> Read(string folder, Setting? config, HashSet<string> special)
    {
        var tokens = new OrderedDictionary<string, AddedToken>();
        if (config?["added_tokens_decoder"] is { Given: true } decoder)
        {
            foreach (var (name, token) in decoder.Members())
            {
                if (!int.TryParse(name, CultureInfo.InvariantCulture, out int id) || id is < 0 or >= Setting.IdLimit)
                    throw token.Unexpected("a token id as the key");
                var added = AddedToken.Read(id, token);
                if (!tokens.TryAdd(added.Content, added))
                    throw token.Unexpected($"another token: \"{added.Content}\" has an id already");
            }
        }

        if (TokenizerFile.ReadJsonIfThere(folder, "added_tokens.json") is { } more)
        {
            foreach (var (content, id) in more.Members())
            {
                if (content.Length == 0)
                    throw id.Unexpected("a token that is not empty");
                bool isSpecial = special.Contains(content);
                tokens.TryAdd(content, new AddedToken(id.Id(), content, isSpecial, Normalized: !isSpecial));
            }
        }
        return [.. tokens.Values
            .Select(token => special.Contains(token.Content) ? token with { Special = true } : token)];
    }

    /// <summary>The text of a token that is written either way.</summary>
    public static string Content(Setting token) =>
        token.Is(JsonValueKind.Object) ? token["content"].Text() : token.Text();

    /// <summary>A token that is named as special; null where nothing or an empty text stands.</summary>
    public static AddedToken? ReadSpecial(Setting token) => token.Given && Content(token) is { Length: > 0 } text
        ? new AddedToken(-1, text, true, token["lstrip"].Flag(false), token["rstrip"].Flag(false))
        : null;

    /// <summary>The tokens of a list, or of an object that gives each a name.</summary>
    public static IEnumerable<AddedToken> ReadList(Setting list)
    {
        var tokens = !list.Given ? []
            : list.Is(JsonValueKind.Object) ? list.Members().Select(member => member.Value)
            : list.Items();
        return tokens.Select(ReadSpecial).OfType<AddedToken>();
    }
}
