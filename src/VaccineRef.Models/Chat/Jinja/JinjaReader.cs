namespace VaccineRef.Models.Chat.Jinja;

/// <summary>The tokens of a template, read one by one.</summary>
internal sealed class JinjaReader(string name, List<JinjaToken> tokens)
{
    /// <summary>How deep tags and expressions may be nested, so that no template exhausts the stack.</summary>
    private const int DeepestNesting = 200;

    private int _at;
    private int _depth;

    public JinjaToken Current => tokens[_at];

    /// <summary>The current token, which is read thereby.</summary>
    public JinjaToken Next() => tokens[_at < tokens.Count - 1 ? _at++ : _at];

    public bool IsSign(string sign) => Current.Kind == JinjaKind.Sign && Current.Text == sign;

    public bool IsWord(string word) => Current.Kind == JinjaKind.Name && Current.Text == word;

    /// <summary>Reads a sign if it is the current token.</summary>
    public bool TakeSign(string sign)
    {
        bool found = IsSign(sign);
        _at += found ? 1 : 0;
        return found;
    }

    /// <summary>Reads a word if it is the current token.</summary>
    public bool TakeWord(string word)
    {
        bool found = IsWord(word);
        _at += found ? 1 : 0;
        return found;
    }

    public JinjaToken Expect(JinjaKind kind, string expected) =>
        Current.Kind == kind ? Next() : throw Wrong(Current, expected);

    public void ExpectSign(string sign)
    {
        if (!TakeSign(sign))
            throw Wrong(Current, sign);
    }

    public void ExpectWord(string word)
    {
        if (!TakeWord(word))
            throw Wrong(Current, word);
    }

    public ChatTemplateException Wrong(JinjaToken token, string expected) =>
        new("a chat template cannot be read", $"{name}, line {token.Line}", Shown(token.Text), expected);

    public ChatTemplateException Unsupported(JinjaToken token, string what, string supported) =>
        new("a chat template uses something that is not supported", $"{name}, line {token.Line}", what, supported);

    /// <summary>Goes one level deeper, and back where the result is disposed.</summary>
    /// <exception cref="ChatTemplateException">It is too deep.</exception>
    public Level Deeper()
    {
        Chained(++_depth);
        return new(this);
    }

    /// <summary>
    /// Requires that a chain of operators, whose length is a depth for whoever evaluates it, is not too long.
    /// </summary>
    /// <exception cref="ChatTemplateException">It is.</exception>
    public JinjaReader Chained(int links) => links <= DeepestNesting ? this : throw new ChatTemplateException(
        "a chat template is nested too deeply", $"{name}, line {Current.Line}",
        expected: $"at most {DeepestNesting} levels");

    private static string Shown(string text) => text.Length <= 40 ? text : text[..40] + "...";

    internal readonly ref struct Level(JinjaReader reader)
    {
        public void Dispose() => reader._depth--;
    }
}
