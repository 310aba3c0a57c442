using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace VaccineRef.Models.Chat.Jinja;

internal enum JinjaKind
{
    Text,
    OpenPrint,
    ClosePrint,
    OpenTag,
    CloseTag,
    Name,
    String,
    Number,
    Sign,
    End,
}

/// <summary>A token and the line that it stands on. A number's value is a long or a double.</summary>
internal readonly record struct JinjaToken(JinjaKind Kind, string Text, int Line, object? Value = null);

/// <summary>
/// Cuts a template into tokens as Jinja2 does with the settings that transformers uses: the first newline after a tag
/// is dropped (trim_blocks), and so are blanks between the start of a line and a tag (lstrip_blocks). One newline at
/// the end of the template is dropped too. Source: jinja2/lexer.py.
/// </summary>
internal sealed partial class JinjaLexer
{
    private static readonly string[] Signs =
        ["//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=",
            ".", ":", "|", ","];

    private readonly string _name;
    private readonly string _source;
    private readonly List<JinjaToken> _tokens = [];
    private int _at;
    private int _line = 1;
    private int _counted;

    private JinjaLexer(string name, string source)
    {
        source = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        (_name, _source) = (name, source.EndsWith('\n') ? source[..^1] : source);
    }

    /// <exception cref="ChatTemplateException">The text is no template.</exception>
    public static List<JinjaToken> Tokens(string name, string source)
    {
        var lexer = new JinjaLexer(name, source);
        while (lexer._at < lexer._source.Length)
            lexer.Part();
        lexer.Add(JinjaKind.End, "the end");
        return lexer._tokens;
    }

    /// <summary>Text up to the next tag, and that tag.</summary>
    private void Part()
    {
        int open = _at;
        while ((open = _source.IndexOf('{', open)) >= 0
            && (open + 1 >= _source.Length || _source[open + 1] is not ('{' or '%' or '#')))
            open++;
        if (open < 0)
        {
            Add(JinjaKind.Text, _source[_at..]);
            _at = _source.Length;
            return;
        }

        char kind = _source[open + 1];
        char mark = open + 2 < _source.Length ? _source[open + 2] : ' ';
        string text = _source[_at..open];
        if (mark == '-')
            text = PythonText.TrimEnd(text);
        else if (mark != '+' && kind != '{')
            text = WithoutIndent(text);
        if (text.Length > 0)
            Add(JinjaKind.Text, text);
        _at = open + (mark is '-' or '+' ? 3 : 2);
        if (kind == '#')
            Comment(open);
        else
            Tag(kind, open);
    }

    private string WithoutIndent(string text)
    {
        int line = text.LastIndexOf('\n') + 1;
        bool starts = line > 0 || _at == 0 || _source[_at - 1] == '\n';
        return starts && PythonText.TrimEnd(text[line..]).Length == 0 ? text[..line] : text;
    }

    private void Comment(int open)
    {
        int close = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (close < 0)
            throw Wrong("a comment has no end", open, "#}");
        _at = close + 2;
        AfterTag(_source[close - 1]);
    }

    private void Tag(char kind, int open)
    {
        string close = kind == '{' ? "}}" : "%}";
        Add(kind == '{' ? JinjaKind.OpenPrint : JinjaKind.OpenTag, _source[open..(open + 2)]);
        int depth = 0;
        while (true)
        {
            while (_at < _source.Length && PythonText.IsSpace(_source[_at]))
                _at++;
            if (_at >= _source.Length)
                throw Wrong("a tag has no end", open, close);
            char mark = _source[_at] is '-' or '+' ? _source[_at] : ' ';
            bool marked = mark != ' ' && (mark == '-' || kind == '%');
            if (depth == 0 && _source.AsSpan(_at + (marked ? 1 : 0)).StartsWith(close))
            {
                Add(kind == '{' ? JinjaKind.ClosePrint : JinjaKind.CloseTag, close);
                _at += (marked ? 1 : 0) + 2;
                if (kind == '%' || mark == '-')
                    AfterTag(mark);
                return;
            }

            depth += Token();
        }
    }

    // "-" takes all white space that follows, "+" none, and nothing a single newline
    private void AfterTag(char mark)
    {
        if (mark == '-')
            while (_at < _source.Length && PythonText.IsSpace(_source[_at]))
                _at++;
        else if (mark != '+' && _at < _source.Length && _source[_at] == '\n')
            _at++;
    }

    /// <summary>One token of an expression; by how many brackets it opens.</summary>
    private int Token()
    {
        char first = _source[_at];
        if (first is '\'' or '"')
            String(first);
        else if (char.IsAsciiDigit(first))
            Number();
        else if (char.IsLetter(first) || first == '_')
            Add(JinjaKind.Name, Taken(c => char.IsLetterOrDigit(c) || c == '_'));
        else if (Signs.FirstOrDefault(sign => _source.AsSpan(_at).StartsWith(sign)) is { } sign)
        {
            Add(JinjaKind.Sign, sign);
            _at += sign.Length;
            return sign is "(" or "[" or "{" ? 1 : sign is ")" or "]" or "}" ? -1 : 0;
        }
        else
            throw Wrong("a character has no meaning in a template", _at, "an expression");
        return 0;
    }

    private string Taken(Func<char, bool> belongs)
    {
        int start = _at;
        while (_at < _source.Length && belongs(_source[_at]))
            _at++;
        return _source[start.._at];
    }

    private void Number()
    {
        int start = _at;
        // in a.0.b the number ends at the point
        bool isMember = _tokens[^1] is { Kind: JinjaKind.Sign, Text: "." };
        var digits = isMember ? Digits().Match(_source, _at) : Numeral().Match(_source, _at);
        _at += digits.Length;
        string text = digits.Value.Replace("_", "", StringComparison.Ordinal);
        object value = text.AsSpan().ContainsAny(".eE") ? double.Parse(text, CultureInfo.InvariantCulture)
            : long.TryParse(text, CultureInfo.InvariantCulture, out long integer) ? (object)integer
            : throw Wrong("a number is too large", start, "a 64-bit integer");
        Add(JinjaKind.Number, text, value);
    }

    private void String(char quote)
    {
        int start = _at++;
        var text = new StringBuilder();
        while (_at < _source.Length && _source[_at] != quote)
        {
            if (_source[_at] == '\\' && _at + 1 < _source.Length)
                Escape(text, start);
            else
                text.Append(_source[_at++]);
        }

        if (_at++ >= _source.Length)
            throw Wrong("a text has no end", start, $"{quote}");
        Add(JinjaKind.String, text.ToString());
    }

    // Python's escapes; a backslash before any other character stays
    private void Escape(StringBuilder text, int start)
    {
        char kind = _source[_at + 1];
        _at += 2;
        if ("\n\\'\"abfnrtv".IndexOf(kind, StringComparison.Ordinal) is >= 0 and var known)
            text.Append(known == 0 ? "" : "\\'\"\a\b\f\n\r\t\v"[(known - 1)..known]);
        else if (kind is 'x' or 'u' or 'U')
        {
            int count = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
            bool isCode = _at + count <= _source.Length
                & int.TryParse(
                    _source.AsSpan(_at, Math.Min(count, _source.Length - _at)), NumberStyles.AllowHexSpecifier, null,
                    out int code);
            if (!isCode || code is < 0 or > 0x10FFFF or (>= 0xD800 and < 0xE000))
                throw Wrong("an escape is no character", start, $"{count} hexadecimal digits of a character");
            text.Append(char.ConvertFromUtf32(code));
            _at += count;
        }
        else if (kind is 'N' or (>= '0' and <= '7'))
            throw Wrong($"the escape \\{kind} is not supported", start, "\\n, \\t, \\x.., \\u....");
        else
            text.Append('\\').Append(kind);
    }

    [GeneratedRegex(@"\G[0-9][0-9_]*", RegexOptions.CultureInvariant)]
    private static partial Regex Digits();

    [GeneratedRegex(@"\G[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9][0-9_]*)?", RegexOptions.CultureInvariant)]
    private static partial Regex Numeral();

    private void Add(JinjaKind kind, string text, object? value = null) =>
        _tokens.Add(new(kind, text, Line(_at), value));

    private int Line(int at)
    {
        for (; _counted < at; _counted++)
            _line += _source[_counted] == '\n' ? 1 : 0;
        return _line;
    }

    private ChatTemplateException Wrong(string what, int at, string expected) =>
        new(what, $"{_name}, line {1 + _source.AsSpan(0, at).Count('\n')}", expected: expected);
}
