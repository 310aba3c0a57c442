namespace VaccineRef.Models.Chat.Jinja;

/// <summary>Reads the expressions of a template, with the precedences of jinja2/parser.py.</summary>
internal sealed class JinjaExpressions(JinjaReader reader)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>An expression, or several with commas between them, which are a tuple.</summary>
    /// <param name="conditional">Whether it may be "x if y else z"; not where an "if" has another meaning.</param>
    public JinjaNode Tuple(bool conditional = true)
    {
        int line = reader.Current.Line;
        JinjaNode One() => conditional ? Conditional() : Or();
        var items = new List<JinjaNode> { One() };
        bool isTuple = false;
        while (reader.TakeSign(","))
        {
            isTuple = true;
            if (reader.Current.Kind is JinjaKind.ClosePrint or JinjaKind.CloseTag || reader.IsSign(")"))
                break;
            items.Add(One());
        }

        return isTuple ? new ListNode(line, items, IsTuple: true) : items[0];
    }

    public JinjaNode Conditional()
    {
        using var depth = reader.Deeper();
        var value = Or();
        for (int links = 1; reader.Chained(links).TakeWord("if"); links++)
        {
            var test = Or();
            value = new ConditionalNode(value.Line, test, value, reader.TakeWord("else") ? Conditional() : null);
        }

        return value;
    }

    private JinjaNode Or() => Chain(JinjaKind.Name, () => Chain(JinjaKind.Name, Not, "and"), "or");

    private JinjaNode Not()
    {
        using var depth = reader.Deeper();
        int line = reader.Current.Line;
        return reader.TakeWord("not") ? new UnaryNode(line, "not", Not()) : Compare();
    }

    private JinjaNode Compare()
    {
        var first = Sum();
        var others = new List<(string, JinjaNode)>();
        while (Comparison() is { } sign)
            others.Add((sign, Sum()));
        return others.Count == 0 ? first : new CompareNode(first.Line, first, others);
    }

    private string? Comparison()
    {
        if (reader.Current.Kind == JinjaKind.Sign && Comparisons.Contains(reader.Current.Text))
            return reader.Next().Text;
        if (reader.TakeWord("in"))
            return "in";
        if (!reader.IsWord("not"))
            return null;
        reader.Next();
        reader.ExpectWord("in");
        return "not in";
    }

    private JinjaNode Sum() => Chain(JinjaKind.Sign, () => Chain(JinjaKind.Sign, Product, "~"), "+", "-");

    private JinjaNode Product() =>
        Chain(JinjaKind.Sign, () => Chain(JinjaKind.Sign, () => Unary(filters: true), "**"), "*", "/", "//", "%");

    // a chain is evaluated from its last link to its first, so its length is a depth
    private JinjaNode Chain(JinjaKind kind, Func<JinjaNode> operand, params string[] signs)
    {
        var left = operand();
        for (int links = 1; reader.Current.Kind == kind && signs.Contains(reader.Current.Text); links++)
            left = new BinaryNode(left.Line, reader.Chained(links).Next().Text, left, operand());
        return left;
    }

    private JinjaNode Unary(bool filters)
    {
        using var depth = reader.Deeper();
        int line = reader.Current.Line;
        var value = reader.TakeSign("-") ? new UnaryNode(line, "-", Unary(filters: false))
            : reader.TakeSign("+") ? new UnaryNode(line, "+", Unary(filters: false))
            : Primary();
        value = Postfix(value);
        return filters ? Filters(value) : value;
    }

    private JinjaNode Primary()
    {
        var token = reader.Next();
        switch (token.Kind)
        {
            case JinjaKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new ConstNode(token.Line, true),
                    "false" or "False" => new ConstNode(token.Line, false),
                    "none" or "None" => new ConstNode(token.Line, null),
                    _ => new NameNode(token.Line, token.Text),
                };
            case JinjaKind.Number:
                return new ConstNode(token.Line, token.Value);
            case JinjaKind.String:
                string text = token.Text;
                while (reader.Current.Kind == JinjaKind.String)
                    text += reader.Next().Text;
                return new ConstNode(token.Line, text);
            case JinjaKind.Sign when token.Text == "(":
                var inside = reader.IsSign(")") ? new ListNode(token.Line, [], IsTuple: true) : Tuple();
                reader.ExpectSign(")");
                return inside;
            case JinjaKind.Sign when token.Text == "[":
                return new ListNode(token.Line, Items("]", Conditional), IsTuple: false);
            case JinjaKind.Sign when token.Text == "{":
                return new DictNode(token.Line, Items("}", Pair));
            default:
                throw reader.Wrong(token, "an expression");
        }
    }

    private (JinjaNode Key, JinjaNode Value) Pair()
    {
        var key = Conditional();
        reader.ExpectSign(":");
        return (key, Conditional());
    }

    private List<T> Items<T>(string end, Func<T> item)
    {
        var items = new List<T>();
        while (!reader.TakeSign(end))
        {
            if (items.Count > 0)
                reader.ExpectSign(",");
            if (reader.TakeSign(end))
                break;
            items.Add(item());
        }

        return items;
    }

    private JinjaNode Postfix(JinjaNode value)
    {
        for (int links = 1; ; links++)
        {
            reader.Chained(links);
            if (reader.TakeSign("."))
                value = reader.Current.Kind == JinjaKind.Number
                    ? new IndexNode(value.Line, value, new ConstNode(value.Line, reader.Next().Value))
                    : new AttributeNode(value.Line, value, reader.Expect(JinjaKind.Name, "a name").Text);
            else if (reader.TakeSign("["))
                value = Subscript(value);
            else if (reader.IsSign("("))
                value = new CallNode(value.Line, value, Arguments());
            else
                return value;
        }
    }

    private JinjaNode Subscript(JinjaNode owner)
    {
        bool Ends() => reader.IsSign("]") || reader.IsSign(":");
        var start = Ends() ? null : Conditional();
        if (reader.IsSign(","))
            throw reader.Unsupported(reader.Current, "a key of several parts", "one key, or a slice");
        if (!reader.TakeSign(":"))
        {
            reader.ExpectSign("]");
            return new IndexNode(owner.Line, owner, start ?? throw reader.Wrong(reader.Current, "a key"));
        }

        var stop = Ends() ? null : Conditional();
        var step = reader.TakeSign(":") && !Ends() ? Conditional() : null;
        reader.ExpectSign("]");
        return new SliceNode(owner.Line, owner, start, stop, step);
    }

    private JinjaArguments Arguments()
    {
        reader.ExpectSign("(");
        var byPlace = new List<JinjaNode>();
        var byName = new List<(string, JinjaNode)>();
        while (!reader.TakeSign(")"))
        {
            if (byPlace.Count + byName.Count > 0)
                reader.ExpectSign(",");
            if (reader.TakeSign(")"))
                break;
            if (reader.IsSign("*") || reader.IsSign("**"))
                throw reader.Unsupported(reader.Current, "arguments from a list", "arguments one by one");
            var value = Conditional();
            if (value is NameNode named && reader.TakeSign("="))
                byName.Add((named.Name, Conditional()));
            else if (byName.Count == 0)
                byPlace.Add(value);
            else
                throw reader.Wrong(reader.Current, "arguments by place before those by name");
        }

        return new(byPlace, byName);
    }

    private JinjaNode Filters(JinjaNode value)
    {
        for (int links = 1; ; links++)
        {
            reader.Chained(links);
            if (reader.TakeSign("|"))
            {
                var name = reader.Expect(JinjaKind.Name, "the name of a filter");
                if (!JinjaFilters.Names.Contains(name.Text))
                    throw reader.Unsupported(name, $"the filter {name.Text}", string.Join(", ", JinjaFilters.Names));
                value = new FilterNode(
                    name.Line, value, name.Text, reader.IsSign("(") ? Arguments() : JinjaArguments.None);
            }
            else if (reader.IsWord("is"))
                value = Test(value);
            else if (reader.IsSign("("))
                value = Postfix(value);
            else
                return value;
        }
    }

    private JinjaNode Test(JinjaNode value)
    {
        reader.Next();
        bool negated = reader.TakeWord("not");
        var name = reader.Expect(JinjaKind.Name, "the name of a test");
        if (!JinjaTests.Names.Contains(name.Text))
            throw reader.Unsupported(name, $"the test {name.Text}", string.Join(", ", JinjaTests.Names));
        IReadOnlyList<JinjaNode> arguments = [];
        bool isWord = reader.Current.Kind == JinjaKind.Name
            && reader.Current.Text is not ("else" or "or" or "and" or "is" or "if" or "not" or "in");
        if (reader.IsSign("("))
            arguments = Arguments().ByPlace;
        else if (isWord || reader.Current.Kind is JinjaKind.String or JinjaKind.Number || reader.IsSign("[")
            || reader.IsSign("{"))
            arguments = [Postfix(Primary())];
        var test = new TestNode(name.Line, value, name.Text, arguments);
        return negated ? new UnaryNode(name.Line, "not", test) : test;
    }
}
