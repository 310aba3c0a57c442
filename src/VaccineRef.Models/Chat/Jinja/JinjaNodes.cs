namespace VaccineRef.Models.Chat.Jinja;

/// <summary>A part of a template, and the line that it begins on.</summary>
internal abstract record JinjaNode(int Line);

internal sealed record TextNode(int Line, string Text) : JinjaNode(Line);

internal sealed record PrintNode(int Line, JinjaNode Value) : JinjaNode(Line);

internal sealed record ForNode(
    int Line, IReadOnlyList<string> Targets, JinjaNode Items, JinjaNode? Only, IReadOnlyList<JinjaNode> Body,
    IReadOnlyList<JinjaNode> Else) : JinjaNode(Line);

internal sealed record IfNode(
    int Line, JinjaNode Test, IReadOnlyList<JinjaNode> Then, IReadOnlyList<JinjaNode> Else) : JinjaNode(Line);

internal sealed record SetNode(int Line, IReadOnlyList<string> Targets, JinjaNode Value) : JinjaNode(Line);

internal sealed record SetMemberNode(int Line, string Target, string Member, JinjaNode Value) : JinjaNode(Line);

internal sealed record SetBlockNode(int Line, string Target, IReadOnlyList<JinjaNode> Body) : JinjaNode(Line);

internal sealed record MacroNode(
    int Line, string Name, IReadOnlyList<(string Name, JinjaNode? Otherwise)> Parameters,
    IReadOnlyList<JinjaNode> Body) : JinjaNode(Line);

internal sealed record GenerationNode(int Line, IReadOnlyList<JinjaNode> Body) : JinjaNode(Line);

internal sealed record LeaveNode(int Line, bool Continues) : JinjaNode(Line);

internal sealed record ConstNode(int Line, object? Value) : JinjaNode(Line);

internal sealed record NameNode(int Line, string Name) : JinjaNode(Line);

internal sealed record ListNode(int Line, IReadOnlyList<JinjaNode> Items, bool IsTuple) : JinjaNode(Line);

internal sealed record DictNode(int Line, IReadOnlyList<(JinjaNode Key, JinjaNode Value)> Items) : JinjaNode(Line);

internal sealed record AttributeNode(int Line, JinjaNode Owner, string Name) : JinjaNode(Line);

internal sealed record IndexNode(int Line, JinjaNode Owner, JinjaNode Key) : JinjaNode(Line);

internal sealed record SliceNode(int Line, JinjaNode Owner, JinjaNode? Start, JinjaNode? Stop, JinjaNode? Step)
    : JinjaNode(Line);

internal sealed record CallNode(int Line, JinjaNode Callee, JinjaArguments Arguments) : JinjaNode(Line);

internal sealed record FilterNode(int Line, JinjaNode Value, string Name, JinjaArguments Arguments) : JinjaNode(Line);

internal sealed record TestNode(int Line, JinjaNode Value, string Name, IReadOnlyList<JinjaNode> Arguments)
    : JinjaNode(Line);

internal sealed record UnaryNode(int Line, string Sign, JinjaNode Value) : JinjaNode(Line);

internal sealed record BinaryNode(int Line, string Sign, JinjaNode Left, JinjaNode Right) : JinjaNode(Line);

internal sealed record CompareNode(int Line, JinjaNode First, IReadOnlyList<(string Sign, JinjaNode Value)> Others)
    : JinjaNode(Line);

internal sealed record ConditionalNode(int Line, JinjaNode Test, JinjaNode Then, JinjaNode? Else) : JinjaNode(Line);

/// <summary>The arguments of a call, by place and by name.</summary>
internal sealed record JinjaArguments(
    IReadOnlyList<JinjaNode> ByPlace, IReadOnlyList<(string Name, JinjaNode Value)> ByName)
{
    public static JinjaArguments None { get; } = new([], []);
}
