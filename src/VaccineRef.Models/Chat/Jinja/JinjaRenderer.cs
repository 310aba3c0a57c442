using System.Text;

namespace VaccineRef.Models.Chat.Jinja;

/// <summary>Renders a template that was read, within limits that no honest template comes near.</summary>
/// <param name="name">What errors call the template.</param>
internal sealed class JinjaRenderer(string name)
{
    private const int DeepestMacro = 32;
    private const int StepsOfTurn = 10;         // a turn of a loop makes its own variables

    private readonly List<(int Start, int End)> _generated = [];
    private readonly JinjaEvaluator _evaluator = new();
    private StringBuilder _output = new();
    private int _captured;
    private int _macros;

    private enum Flow
    {
        Goes,
        Breaks,
        Continues,
    }

    /// <summary>The text, and the parts of it that {% generation %} marks.</summary>
    /// <exception cref="ChatTemplateException">The template refuses, errs, or exceeds a limit.</exception>
    public (string Text, IReadOnlyList<(int Start, int End)> Generated) Render(
        IReadOnlyList<JinjaNode> nodes, IEnumerable<KeyValuePair<string, object?>> variables)
    {
        _evaluator.Scope["raise_exception"] = (JinjaFunction)(call => throw new ChatTemplateException(
            "the chat template refuses the conversation", Where, Shown(call.Text(0, "message"))));
        foreach (var (key, value) in variables)
            _evaluator.Scope[key] = value;
        _evaluator.Scope = new(_evaluator.Scope);
        try
        {
            Run(nodes);
            return (_output.ToString(), _generated);
        }
        catch (JinjaError error)
        {
            throw new ChatTemplateException(
                "a chat template cannot be rendered", Where, Shown(error.Message), inner: error);
        }
    }

    private string Where => $"{name}, line {_evaluator.Line}";

    private Flow Run(IReadOnlyList<JinjaNode> nodes)
    {
        foreach (var node in nodes)
            if (Run(node) is not Flow.Goes and var flow)
                return flow;
        return Flow.Goes;
    }

    private Flow Run(JinjaNode node)
    {
        _evaluator.Spend(1, node);
        switch (node)
        {
            case TextNode text:
                Print(text.Text);
                break;
            case PrintNode print:
                Print(JinjaValues.Text(_evaluator.Value(print.Value)));
                break;
            case IfNode test:
                return Run(JinjaValues.Truth(_evaluator.Value(test.Test)) ? test.Then : test.Else);
            case ForNode loop:
                return Loop(loop);
            case SetNode set:
                Assign(set.Targets, _evaluator.Value(set.Value));
                break;
            case SetMemberNode member:
                var space = _evaluator.Scope[member.Target] as Namespace
                    ?? throw new JinjaError($"'{member.Target}' is no namespace, so it has no members to set");
                space.Members[member.Member] = _evaluator.Value(member.Value);
                break;
            case SetBlockNode block:
                _evaluator.Scope[block.Target] = Captured(block.Body);
                break;
            case MacroNode macro:
                var defined = _evaluator.Scope;
                _evaluator.Scope[macro.Name] = (JinjaFunction)(call => Call(macro, defined, call));
                break;
            case GenerationNode generation:
                int start = _output.Length;
                Run(generation.Body);
                if (_captured == 0)
                    _generated.Add((start, _output.Length));
                break;
            case LeaveNode leave:
                return leave.Continues ? Flow.Continues : Flow.Breaks;
        }

        return Flow.Goes;
    }

    private Flow Loop(ForNode loop)
    {
        var outer = _evaluator.Scope;
        var items = JinjaValues.Items(_evaluator.Value(loop.Items));
        if (loop.Only is { } only)
        {
            _evaluator.Scope = new(outer);
            items = items.FindAll(item =>
            {
                Assign(loop.Targets, item);
                return JinjaValues.Truth(_evaluator.Value(only));
            });
            _evaluator.Scope = outer;
        }

        for (int i = 0; i < items.Count; i++)
        {
            _evaluator.Scope = new(outer) { ["loop"] = State(items, i) };
            _evaluator.Spend(StepsOfTurn);
            Assign(loop.Targets, items[i]);
            if (Run(loop.Body) == Flow.Breaks)
                break;
        }

        _evaluator.Scope = outer;
        return items.Count == 0 ? Run(loop.Else) : Flow.Goes;
    }

    private static OrderedDictionary<string, object?> State(List<object?> items, int i) => new()
    {
        ["index"] = i + 1L,
        ["index0"] = (long)i,
        ["revindex"] = (long)items.Count - i,
        ["revindex0"] = items.Count - i - 1L,
        ["first"] = i == 0,
        ["last"] = i == items.Count - 1,
        ["length"] = (long)items.Count,
        ["previtem"] = i > 0 ? items[i - 1] : new Undefined("there is no previous item"),
        ["nextitem"] = i < items.Count - 1 ? items[i + 1] : new Undefined("there is no next item"),
        ["cycle"] = (JinjaFunction)(call => call.Count > 0 ? call.ByPlace[i % call.Count] : throw new JinjaError("cycle takes at least one argument")),
    };

    private void Assign(IReadOnlyList<string> targets, object? value)
    {
        if (targets is [var only])
        {
            _evaluator.Scope[only] = value;
            return;
        }

        var items = JinjaValues.Items(value);
        if (items.Count != targets.Count)
            throw new JinjaError($"{items.Count} values for {targets.Count} names");
        foreach (var (target, item) in targets.Zip(items))
            _evaluator.Scope[target] = item;
    }

    private string Call(MacroNode macro, JinjaScope defined, JinjaCall call)
    {
        call.Allow([.. macro.Parameters.Select(parameter => parameter.Name)]);
        if (++_macros > DeepestMacro)
            throw new JinjaError($"macros call one another more than {DeepestMacro} deep");
        var outer = _evaluator.Scope;
        _evaluator.Scope = new(defined);
        foreach (var (i, (parameter, otherwise)) in macro.Parameters.Index())
            _evaluator.Scope[parameter] = call.Get(i, parameter, this) is var given && given != this ? given
                : otherwise is null ? new Undefined(parameter) : _evaluator.Value(otherwise);
        string text = Captured(macro.Body);
        _evaluator.Scope = outer;
        _macros--;
        return text;
    }

    private string Captured(IReadOnlyList<JinjaNode> body)
    {
        var outer = _output;
        _output = new();
        _captured++;
        Run(body);
        string text = _output.ToString();
        (_output, _captured) = (outer, _captured - 1);
        return text;
    }

    private void Print(string text)
    {
        JinjaValues.RequireLength(_output.Length + text.Length);
        _output.Append(text);
    }

    private static string Shown(string text) => text.Length <= 200 ? text : text[..200] + "...";
}
