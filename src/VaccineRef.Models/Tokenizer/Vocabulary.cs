namespace VaccineRef.Models.Tokenizer;

/// <summary>Tokens and their ids: the model's own pieces, and with the tokens added to them.</summary>
internal sealed class Vocabulary
{
    private readonly string _where;
    private readonly Dictionary<int, string> _tokens = [];
    private readonly Dictionary<string, int> _added = [];

    private Vocabulary(string where) => _where = where;

    /// <summary>The ids of the model's pieces, without the added tokens.</summary>
    public Dictionary<string, int> Ids { get; } = [];

    /// <summary>All tokens by id.</summary>
    public IReadOnlyDictionary<int, string> Tokens => _tokens;

    /// <summary>One more than the highest id.</summary>
    public int Size => _tokens.Keys.Append(-1).Max() + 1;

    /// <summary>How many characters the longest of the model's pieces has.</summary>
    public int LongestPiece { get; private set; }

    /// <summary>Reads an object of piece: id.</summary>
    public static Vocabulary Read(Setting pieces)
    {
        var vocabulary = new Vocabulary($"{pieces.File}: {pieces.Path}");
        foreach (var (piece, id) in pieces.Members())
        {
            vocabulary.Enter(vocabulary.Ids, piece, id.Id());
            vocabulary.LongestPiece = Math.Max(vocabulary.LongestPiece, piece.Length);
        }

        return vocabulary;
    }

    public void Add(IEnumerable<AddedToken> tokens)
    {
        foreach (var token in tokens)
        {
            if (IdOf(token.Content) is not { } id)
                Enter(_added, token.Content, token.Id);
            else if (id != token.Id)
                throw new TokenizerException(
                    "an added token has another id than the vocabulary gives it", _where,
                    $"\"{token.Content}\": {token.Id}", $"{id}");
        }
    }

    public int? IdOf(string token) =>
        _added.TryGetValue(token, out int id) || Ids.TryGetValue(token, out id) ? id : null;

    private void Enter(Dictionary<string, int> ids, string token, int id)
    {
        if (!ids.TryAdd(token, id))
            throw new TokenizerException("a token stands twice in the vocabulary", _where, token);
        if (!_tokens.TryAdd(id, token))
            throw new TokenizerException(
                "two tokens have the same id", _where, $"\"{_tokens[id]}\" and \"{token}\": {id}");
    }
}
