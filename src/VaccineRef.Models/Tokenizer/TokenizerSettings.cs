using System.Globalization;
using System.Text.Json;

namespace VaccineRef.Models.Tokenizer;

/// <summary>The ids with a role, as <see cref="ITextTokenizer"/> shows them.</summary>
internal sealed record SpecialIds(int? Bos, int? Eos, int? Pad, string? EosText);

/// <summary>
/// What the small files beside a vocabulary say of it: tokenizer_config.json first, then special_tokens_map.json, then
/// the ids in the model's config.json. Each file and each key may be absent.
/// </summary>
internal sealed class TokenizerSettings
{
    private readonly string _folder;
    private readonly Setting? _config;
    private readonly Setting? _map;
    private readonly Setting? _model;

    /// <exception cref="TokenizerException">One of the files is there and broken.</exception>
    public TokenizerSettings(string folder)
    {
        _folder = folder;
        _config = TokenizerFile.ReadJsonIfThere(folder, "tokenizer_config.json");
        _map = TokenizerFile.ReadJsonIfThere(folder, "special_tokens_map.json");
        _model = TokenizerFile.ReadJsonIfThere(folder, "config.json");
        AddedTokens = [.. ReadAddedTokens()];
    }

    public bool? AddBos => _config?["add_bos_token"].FlagOrNull();

    public bool? AddEos => _config?["add_eos_token"].FlagOrNull();

    public bool AddPrefixSpace => _config?["add_prefix_space"].FlagOrNull() ?? false;

    /// <summary>Hugging Face's name of the model family, "opt", from config.json.</summary>
    public string? ModelType => _model?["model_type"].TextOrNull();

    /// <summary>Tokens beyond the vocabulary file: tokenizer_config.json's and added_tokens.json's.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; }

    /// <summary>The text of the token in a role ("bos", "eos", "pad", "unk"), or null when no file names it.</summary>
    public string? Text(string role)
    {
        foreach (var file in new[] { _config, _map })
        {
            if (file?[role + "_token"] is { Given: true } token)
                return token.Is(JsonValueKind.Object) ? token["content"].Text() : token.Text();
        }
        return null;
    }

    /// <summary>
    /// Finds the ids with a role: named in a file, or by id in config.json, or what <paramref name="usual"/> says of
    /// the vocabulary.
    /// </summary>
    /// <exception cref="TokenizerException">A file names a token that the vocabulary lacks.</exception>
    public SpecialIds Resolve(
        IReadOnlyDictionary<int, string> tokens, Func<string, int?> idOf, Func<string, int?> usual)
    {
        int? Find(string role) => Text(role) is { } text
            ? idOf(text) ?? throw new TokenizerException(
                $"the {role}_token is not in the vocabulary", _folder, text, remedy: "correct tokenizer_config.json")
            : ModelId(role) is { } id && tokens.ContainsKey(id) ? id
            : usual(role);
        int? eos = Find("eos");
        return new SpecialIds(Find("bos"), eos, Find("pad"), eos is { } e ? tokens[e] : null);
    }

    /// <summary>
    /// The ids around a text: <paramref name="given"/>, unless add_bos_token or add_eos_token say otherwise.
    /// </summary>
    public (int[] Prefix, int[] Suffix) Around((int[] Prefix, int[] Suffix) given, SpecialIds special)
    {
        var (prefix, suffix) = given;
        if (AddBos is { } addBos && (prefix is [var first, ..] && first == special.Bos) != addBos)
            prefix = addBos ? [Required(special.Bos, "bos"), .. prefix] : prefix[1..];
        if (AddEos is { } addEos && (suffix is [.., var last] && last == special.Eos) != addEos)
            suffix = addEos ? [.. suffix, Required(special.Eos, "eos")] : suffix[..^1];
        return (prefix, suffix);
    }

    private int Required(int? id, string role) => id ?? throw new TokenizerException(
        $"add_{role}_token is true but there is no {role}_token", _folder, remedy: "name it in tokenizer_config.json");

    /// <summary>
    /// config.json's <c>eos_token_id</c>: a number, or a list whose first counts; negative means none.
    /// </summary>
    private int? ModelId(string role)
    {
        if (_model?[role + "_token_id"] is not { Given: true } id)
            return null;
        if (id.Is(JsonValueKind.Array))
            id = id.Items().FirstOrDefault();
        return id.Is(JsonValueKind.Number) && id.Value.TryGetInt32(out int value) && value >= 0 ? value : null;
    }

    private IEnumerable<AddedToken> ReadAddedTokens()
    {
        var seen = new HashSet<string>();
        if (_config?["added_tokens_decoder"] is { Given: true } decoder)
        {
            foreach (var (name, token) in decoder.Members())
            {
                if (!int.TryParse(name, CultureInfo.InvariantCulture, out int id) || id is < 0 or >= Setting.IdLimit)
                    throw token.Unexpected("a token id as the key");
                var added = AddedToken.Read(id, token);
                seen.Add(added.Content);
                yield return added;
            }
        }

        if (TokenizerFile.ReadJsonIfThere(_folder, "added_tokens.json") is { } more)
        {
            foreach (var (content, id) in more.Members())
            {
                if (content.Length == 0)
                    throw id.Unexpected("a token that is not empty");
                if (seen.Add(content))
                    yield return new AddedToken(id.Id(), content, Special: false);
            }
        }
    }
}
