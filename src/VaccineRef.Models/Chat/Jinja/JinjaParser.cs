namespace VaccineRef.Models.Chat.Jinja;

/// <summary>
/// Reads the statements of a template. What is not supported is named with its line. Source: jinja2/parser.py.
/// </summary>
internal sealed class JinjaParser
{
    private readonly JinjaReader _reader;
    private readonly JinjaExpressions _expressions;

    private JinjaParser(string name, string source)
    {
        _reader = new(name, JinjaLexer.Tokens(name, source));
        _expressions = new(_reader);
    }

    /// <exception cref="ChatTemplateException">
    /// The text is no template, or uses something that is not supported.
    /// </exception>
    public static IReadOnlyList<JinjaNode> Parse(string name, string source)
    {
        var parser = new JinjaParser(name, source);
        return parser.Body("the end");
    }

    /// <summary>Nodes up to a tag with one of these names, which is the current token then; or up to the end.</summary>
    private List<JinjaNode> Body(params ReadOnlySpan<string> ends)
    {
        var nodes = new List<JinjaNode>();
        using var depth = _reader.Deeper();
        while (true)
        {
            var token = _reader.Next();
            switch (token.Kind)
            {
                case JinjaKind.Text:
                    nodes.Add(new TextNode(token.Line, token.Text));
                    break;
                case JinjaKind.OpenPrint:
                    nodes.Add(new PrintNode(token.Line, _expressions.Tuple()));
                    _reader.Expect(JinjaKind.ClosePrint, "}}");
                    break;
                case JinjaKind.OpenTag when ends.Contains(_reader.Current.Text):
                    return nodes;
                case JinjaKind.OpenTag:
                    nodes.Add(Statement());
                    break;
                default:
                    return ends is ["the end"] ? nodes : throw _reader.Wrong(token, $"{{% {ends[^1]} %}}");
            }
        }
    }

    private JinjaNode Statement()
    {
        var tag = _reader.Expect(JinjaKind.Name, "the name of a tag");
        switch (tag.Text)
        {
            case "if":
                return If(tag.Line);
            case "for":
                return For(tag.Line);
            case "set":
                return Set(tag.Line);
            case "macro":
                return Macro(tag.Line);
            case "generation":
                _reader.Expect(JinjaKind.CloseTag, "%}");
                return new GenerationNode(tag.Line, Rest("endgeneration"));
            case "break" or "continue":
                _reader.Expect(JinjaKind.CloseTag, "%}");
                return new LeaveNode(tag.Line, tag.Text == "continue");
            default:
                throw _reader.Unsupported(
                    tag, $"the tag {{% {tag.Text} %}}", "if, for, set, macro, break, continue, generation");
        }
    }

    /// <summary>The body of a tag, and its end.</summary>
    private List<JinjaNode> Rest(string end)
    {
        var body = Body(end);
        _reader.Next();
        _reader.Expect(JinjaKind.CloseTag, "%}");
        return body;
    }

    private IfNode If(int line)
    {
        var test = _expressions.Tuple(conditional: false);
        _reader.Expect(JinjaKind.CloseTag, "%}");
        var then = Body("elif", "else", "endif");
        var next = _reader.Next();
        if (next.Text == "elif")
            return new(line, test, then, [If(next.Line)]);
        _reader.Expect(JinjaKind.CloseTag, "%}");
        return new(line, test, then, next.Text == "else" ? Rest("endif") : []);
    }

    private ForNode For(int line)
    {
        var targets = Targets();
        _reader.ExpectWord("in");
        var items = _expressions.Tuple(conditional: false);
        var only = _reader.TakeWord("if") ? _expressions.Conditional() : null;
        if (_reader.IsWord("recursive"))
            throw _reader.Unsupported(_reader.Current, "a recursive loop", "a loop without it");
        _reader.Expect(JinjaKind.CloseTag, "%}");
        var body = Body("else", "endfor");
        bool hasElse = _reader.Next().Text == "else";
        _reader.Expect(JinjaKind.CloseTag, "%}");
        return new(line, targets, items, only, body, hasElse ? Rest("endfor") : []);
    }

    private List<string> Targets()
    {
        bool inBrackets = _reader.TakeSign("(");
        var targets = new List<string> { Target() };
        while (_reader.TakeSign(","))
            targets.Add(Target());
        if (inBrackets)
            _reader.ExpectSign(")");
        return targets;
    }

    private string Target() => _reader.Expect(JinjaKind.Name, "the name of a variable").Text;

    private JinjaNode Set(int line)
    {
        var targets = Targets();
        string? member = targets.Count == 1 && _reader.TakeSign(".") ? Target() : null;
        if (_reader.TakeSign("="))
        {
            var value = _expressions.Tuple();
            _reader.Expect(JinjaKind.CloseTag, "%}");
            return member is null
                ? new SetNode(line, targets, value)
                : new SetMemberNode(line, targets[0], member, value);
        }

        if (targets.Count > 1 || member is not null || _reader.Current.Kind != JinjaKind.CloseTag)
            throw _reader.Wrong(_reader.Current, "=, or %} of a block that is set");
        _reader.Next();
        return new SetBlockNode(line, targets[0], Rest("endset"));
    }

    private MacroNode Macro(int line)
    {
        string name = Target();
        var parameters = new List<(string, JinjaNode?)>();
        _reader.ExpectSign("(");
        while (!_reader.TakeSign(")"))
        {
            if (parameters.Count > 0)
                _reader.ExpectSign(",");
            string parameter = Target();
            parameters.Add((parameter, _reader.TakeSign("=") ? _expressions.Conditional() : null));
        }

        _reader.Expect(JinjaKind.CloseTag, "%}");
        return new(line, name, parameters, Rest("endmacro"));
    }
}
