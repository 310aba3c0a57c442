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
    private static readonly string[] Roles = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"];

    private readonly Setting? _config;
    private readonly Setting? _map;
    private readonly Setting? _model;
    private readonly Setting? _generation;

    /// <exception cref="TokenizerException">One of the files is there and broken.</exception>
    public TokenizerSettings(string folder)
    {
        Folder = folder;
        _config = TokenizerFile.ReadJsonIfThere(folder, "tokenizer_config.json");
        _map = TokenizerFile.ReadJsonIfThere(folder, "special_tokens_map.json");
        _model = TokenizerFile.ReadJsonIfThere(folder, "config.json");
        _generation = TokenizerFile.ReadJsonIfThere(folder, "generation_config.json");
        Special = [.. ReadSpecialTokens().DistinctBy(token => token.Content)];
        AddedTokens = AddedTokenFiles.Read(folder, _config, Special.Select(token => token.Content).ToHashSet());
    }

    public string Folder { get; }

    public bool? AddBos => _config?["add_bos_token"].FlagOrNull();

    public bool? AddEos => _config?["add_eos_token"].FlagOrNull();

    public bool? AddPrefixSpace => _config?["add_prefix_space"].FlagOrNull();

    /// <summary>
    /// Whether SentencePiece encodes what follows an added token as a text of its own, with a space in front; so it is
    /// where nothing is said.
    /// </summary>
    public bool Legacy => _config?["legacy"].FlagOrNull() ?? true;

    /// <summary>Hugging Face's name of the tokenizer's class, "LlamaTokenizer".</summary>
    public string? Class => _config?["tokenizer_class"].TextOrNull();

    /// <summary>Hugging Face's name of the model family, "opt", from config.json.</summary>
    public string? ModelType => _model?["model_type"].TextOrNull();

    /// <summary>Tokens beyond the vocabulary file: tokenizer_config.json's and added_tokens.json's.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; }

    /// <summary>
    /// The tokens that the files name as special: by a role, or in a list of further ones. <see cref="AddedToken.Id"/>
    /// is not known yet.
    /// </summary>
    public IReadOnlyList<AddedToken> Special { get; }

    /// <summary>The text of the token in a role, "eos" for instance; null where no file names one.</summary>
    public string? Text(string role) => Named(role).FirstOrDefault(text => text.Length > 0);

    /// <summary>
    /// Finds the ids with a role: named in a file, or by id in config.json, or what <paramref name="usual"/> says of
    /// the vocabulary. A file that gives an empty name says that there is none, and so does one that names a padding
    /// token which the vocabulary lacks: rows are never padded here.
    /// </summary>
    /// <exception cref="TokenizerException">A file names a token that the vocabulary lacks.</exception>
    public SpecialIds Resolve(
        IReadOnlyDictionary<int, string> tokens, Func<string, int?> idOf, Func<string, int?> usual)
    {
        int? Find(string role)
        {
            if (Text(role) is { } text)
                return idOf(text) ?? (role == "pad" ? null : throw new TokenizerException(
                    $"the {role}_token is not in the vocabulary", Folder, text,
                    remedy: "correct tokenizer_config.json"));
            if (Named(role).Any())
                return null;
            return ModelId(role) is { } id && tokens.ContainsKey(id) ? id : usual(role);
        }

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
            prefix = addBos ? [.. Wanted(special.Bos, "bos"), .. prefix] : prefix[1..];
        if (AddEos is { } addEos && (suffix is [.., var last] && last == special.Eos) != addEos)
            suffix = addEos ? [.. suffix, .. Wanted(special.Eos, "eos")] : suffix[..^1];
        return (prefix, suffix);
    }

    /// <summary>
    /// All added tokens of a vocabulary: those that its own file lists, those of the small files that it lacks, and the
    /// special ones that are ordinary pieces of it. Adds to the vocabulary what it lacks.
    /// </summary>
    /// <exception cref="TokenizerException">
    /// Two files give a token different ids, or an id different tokens.
    /// </exception>
    public AddedToken[] Complete(Vocabulary vocabulary, IReadOnlyCollection<AddedToken> own)
    {
        vocabulary.Add(own);
        vocabulary.Add(AddedTokens);
        var special = Special.Select(token => token.Content).ToHashSet();
        AddedToken[] known =
        [
            .. own.Select(token => token with { Special = token.Special || special.Contains(token.Content) }),
            .. AddedTokens.ExceptBy(own.Select(token => token.Content), token => token.Content),
        ];
        var pieces = Special.ExceptBy(known.Select(token => token.Content), token => token.Content);
        return
        [
            .. known,
            .. from token in pieces
               let id = vocabulary.IdOf(token.Content)
               where id is not null
               select token with { Id = id.Value },
        ];
    }

    private IEnumerable<int> Wanted(int? id, string role) => id is { } known ? [known]
        : Named(role).Any() ? []
        : throw new TokenizerException(
            $"add_{role}_token is true but there is no {role}_token", Folder,
            remedy: "name it in tokenizer_config.json");

    /// <summary>What the files call the token in a role, the first to count first; a text may be empty.</summary>
    private IEnumerable<string> Named(string role)
    {
        foreach (var file in new[] { _config, _map })
        {
            if (file?[role + "_token"] is { Given: true } token)
                yield return AddedTokenFiles.Content(token);
        }
    }

    /// <summary>
    /// <c>eos_token_id</c> of config.json, then of generation_config.json: a number, or a list whose first counts;
    /// negative means none.
    /// </summary>
    private int? ModelId(string role)
    {
        foreach (var file in new[] { _model, _generation })
        {
            if (file?[role + "_token_id"] is not { Given: true } id)
                continue;
            if (id.Is(JsonValueKind.Array))
                id = id.Items().FirstOrDefault();
            if (id.Is(JsonValueKind.Number) && id.Value.TryGetInt32(out int value) && value >= 0)
                return value;
        }
        return null;
    }

    private IEnumerable<AddedToken> ReadSpecialTokens()
    {
        foreach (var file in new[] { _config, _map }.OfType<Setting>())
        {
            foreach (string role in Roles)
            {
                if (AddedTokenFiles.ReadSpecial(file[role + "_token"]) is { } token)
                    yield return token with { HasRole = role is "bos" or "eos" or "unk" };
            }
            foreach (string key in new[] { "additional_special_tokens", "extra_special_tokens" })
            {
                foreach (var token in AddedTokenFiles.ReadList(file[key]))
                    yield return token;
            }
        }
    }
}
