namespace VaccineRef.Models.Chat.Jinja;

/// <summary>Evaluates the expressions of a template.</summary>
internal sealed class JinjaEvaluator
{
    /// <summary>
    /// The most work of one rendering: a step for every part that is evaluated, and one more for every 16 characters or
    /// items of its value.
    /// </summary>
    private const long MostSteps = 1_000_000;
    private const int CharactersPerStep = 16;

    private long _steps;

    public JinjaEvaluator()
    {
        Scope["range"] = (JinjaFunction)Range;
        Scope["namespace"] = (JinjaFunction)(call => new Namespace(Members(call)));
        Scope["dict"] = (JinjaFunction)(call => Members(call));
    }

    /// <summary>The variables that are seen now.</summary>
    public JinjaScope Scope { get; set; } = new(null);

    /// <summary>The line of what is evaluated now.</summary>
    public int Line { get; private set; } = 1;

    /// <exception cref="JinjaError">It is more work than any honest template takes.</exception>
    public void Spend(long steps, JinjaNode? node = null)
    {
        Line = node?.Line ?? Line;
        _steps += steps;
        if (_steps > MostSteps)
            throw new JinjaError($"it takes more than {MostSteps} steps");
    }

    /// <summary>The value of an expression.</summary>
    /// <exception cref="JinjaError">It has none.</exception>
    public object? Value(JinjaNode node)
    {
        object? value = Evaluate(node);
        Spend(1 + (Size(value) / CharactersPerStep), node);
        return value;
    }

    private object? Evaluate(JinjaNode node) => node switch
    {
        ConstNode constant => constant.Value,
        NameNode variable => Scope[variable.Name],
        ListNode list when list.IsTuple => list.Items.Select(Value).ToArray(),
        ListNode list => list.Items.Select(Value).ToList(),
        DictNode dictionary => Dictionary(dictionary),
        AttributeNode attribute => Attribute(Value(attribute.Owner), attribute.Name),
        IndexNode index => JinjaMethods.Member(Value(index.Owner), Value(index.Key)),
        SliceNode slice =>
            JinjaOperators.Slice(Value(slice.Owner), Optional(slice.Start), Optional(slice.Stop), Optional(slice.Step)),
        CallNode call => Call(call),
        FilterNode filter =>
            JinjaFilters.Apply(filter.Name, Value(filter.Value), Arguments(filter.Name, filter.Arguments)),
        TestNode test => JinjaTests.Holds(test.Name, Value(test.Value), [.. test.Arguments.Select(Value)]),
        UnaryNode { Sign: "not" } not => !JinjaValues.Truth(Value(not.Value)),
        UnaryNode { Sign: "-" } negative => JinjaOperators.Negative(Value(negative.Value)),
        UnaryNode positive => JinjaOperators.Binary("+", 0L, Value(positive.Value)),
        BinaryNode { Sign: "or" } or => Value(or.Left) is var left && JinjaValues.Truth(left) ? left : Value(or.Right),
        BinaryNode { Sign: "and" } and =>
            Value(and.Left) is var left && !JinjaValues.Truth(left) ? left : Value(and.Right),
        BinaryNode binary => JinjaOperators.Binary(binary.Sign, Value(binary.Left), Value(binary.Right)),
        CompareNode compare => Compares(compare),
        ConditionalNode choice => JinjaValues.Truth(Value(choice.Test)) ? Value(choice.Then)
            : choice.Else is { } otherwise ? Value(otherwise) : new Undefined("the value of an if without else"),
        _ => throw new InvalidOperationException($"{node.GetType().Name} is no expression"),
    };

    private object? Optional(JinjaNode? node) => node is null ? null : Value(node);

    private OrderedDictionary<string, object?> Dictionary(DictNode node)
    {
        var members = new OrderedDictionary<string, object?>();
        foreach (var (key, value) in node.Items)
            members[Value(key) as string ?? throw new JinjaError("only texts are supported as keys of a dictionary")] =
                Value(value);
        return members;
    }

    private static object? Attribute(object? owner, string member) => JinjaMethods.Has(owner, member)
        ? throw new JinjaError($"the method '{member}' is supported only where it is called")
        : JinjaMethods.Member(owner, member);

    private object? Call(CallNode node)
    {
        if (node.Callee is AttributeNode attribute)
        {
            object? owner = Value(attribute.Owner);
            var arguments = Arguments(attribute.Name, node.Arguments);
            return JinjaMethods.Has(owner, attribute.Name) ? JinjaMethods.Call(owner, attribute.Name, arguments)
                : JinjaMethods.Member(owner, attribute.Name) is JinjaFunction member ? member(arguments)
                : throw new JinjaError($"the method '{attribute.Name}' of {JinjaValues.Kind(owner)} is not supported");
        }

        return Value(node.Callee) switch
        {
            JinjaFunction function => function(Arguments((node.Callee as NameNode)?.Name ?? "a call", node.Arguments)),
            Undefined undefined => throw undefined.Error,
            var other => throw new JinjaError($"{JinjaValues.Kind(other)} cannot be called"),
        };
    }

    private JinjaCall Arguments(string callee, JinjaArguments arguments) =>
        new(callee, [.. arguments.ByPlace.Select(Value)], [.. arguments.ByName.Select(named => (named.Name, Value(named.Value)))]);

    private bool Compares(CompareNode node)
    {
        object? left = Value(node.First);
        foreach (var (sign, other) in node.Others)
        {
            object? right = Value(other);
            bool holds = sign switch
            {
                "==" => JinjaValues.Same(left, right),
                "!=" => !JinjaValues.Same(left, right),
                "in" => JinjaValues.Contains(right, left),
                "not in" => !JinjaValues.Contains(right, left),
                "<" => JinjaValues.Compare(left, right) < 0,
                "<=" => JinjaValues.Compare(left, right) <= 0,
                ">" => JinjaValues.Compare(left, right) > 0,
                _ => JinjaValues.Compare(left, right) >= 0,
            };
            if (!holds)
                return false;
            left = right;
        }

        return true;
    }

    private object? Range(JinjaCall call)
    {
        call.Allow("start", "stop", "step");
        long[] bounds = [.. call.ByPlace.Select(bound => JinjaValues.Integer(bound, "the bound of a range"))];
        var (start, stop, step) = bounds switch
        {
            [var end] => (0L, end, 1L),
            [var first, var end] => (first, end, 1L),
            [var first, var end, not 0 and var by] => (first, end, by),
            _ => throw new JinjaError("range takes one to three integers, and no step of 0"),
        };
        var numbers = new List<object?>();
        for (long i = start; step > 0 ? i < stop : i > stop; i += step)
        {
            numbers.Add(i);
            Spend(1);
        }

        return numbers;
    }

    private static OrderedDictionary<string, object?> Members(JinjaCall call)
    {
        if (call.Count > 0)
            throw new JinjaError("only members by name are supported here");
        var members = new OrderedDictionary<string, object?>();
        foreach (var (key, value) in call.ByName)
            members[key] = value;
        return members;
    }

    private static long Size(object? value) => value switch
    {
        string text => text.Length,
        IReadOnlyCollection<object?> list => list.Count,
        OrderedDictionary<string, object?> dictionary => dictionary.Count,
        _ => 0,
    };
}
