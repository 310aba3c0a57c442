using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using static Microsoft.CodeAnalysis.CSharp.SyntaxFactory;

namespace VaccineRef.Mutation;

/// <summary>Finds every place of a file where a defect can be planted.</summary>
public static class Operators
{
    private static readonly Dictionary<string, string[]> Binary = new()
    {
        ["+"] = ["-"],
        ["-"] = ["+"],
        ["*"] = ["/"],
        ["/"] = ["*"],
        ["%"] = ["/"],
        ["<<"] = [">>"],
        [">>"] = ["<<"],
        ["&"] = ["|"],
        ["|"] = ["&"],
        ["^"] = ["|"],
        ["<"] = ["<=", ">="],
        ["<="] = ["<", ">"],
        [">"] = [">=", "<="],
        [">="] = [">", "<"],
        ["=="] = ["!="],
        ["!="] = ["=="],
        ["&&"] = ["||"],
        ["||"] = ["&&"],
    };

    private static readonly Dictionary<string, string> Calls = new()
    {
        ["Min"] = "Max",
        ["Max"] = "Min",
        ["Any"] = "All",
        ["All"] = "Any",
        ["First"] = "Last",
        ["Last"] = "First",
        ["FirstOrDefault"] = "LastOrDefault",
        ["LastOrDefault"] = "FirstOrDefault",
        ["Floor"] = "Ceiling",
        ["Ceiling"] = "Floor",
        ["OrderBy"] = "OrderByDescending",
        ["Skip"] = "Take",
        ["Take"] = "Skip",
        ["Sin"] = "Cos",
        ["Cos"] = "Sin",
        ["Exp"] = "Log",
        ["TakeWhile"] = "SkipWhile",
        ["Add"] = "Subtract",
        ["Multiply"] = "Divide",
        ["StartsWith"] = "EndsWith",
        ["EndsWith"] = "StartsWith",
        ["TrimStart"] = "TrimEnd",
        ["TrimEnd"] = "TrimStart",
    };

    /// <summary>What gives the same with its arguments in any order.</summary>
    private static readonly HashSet<string> Commute = ["Min", "Max", "Dot", "Add", "Multiply", "Equals", "ReferenceEquals", "SequenceEqual", "Hypot"];

    /// <summary>All places of a file.</summary>
    /// <param name="file">Its name, from the root of the repository.</param>
    /// <param name="root">Its syntax.</param>
    public static IReadOnlyList<Site> Of(string file, SyntaxNode root)
    {
        var seen = new Dictionary<string, int>();
        List<Site> sites = [];
        foreach (var node in root.DescendantNodes(node => !Skipped(node)))
        {
            if (Skipped(node))
                continue;
            foreach (var (kind, from, to, plant) in At(node))
            {
                string member = Member(node), text = $"{file}|{member}|{kind}|{from}|{to}";
                int ordinal = seen[text] = seen.GetValueOrDefault(text) + 1;
                int line = node.GetLocation().GetLineSpan().StartLinePosition.Line + 1;
                sites.Add(new(new(file, line, kind, member, from, to, Defect.Hash(text, $"{ordinal}")), node, plant));
            }
        }

        return sites;
    }

    /// <summary>Constants of the compiler, which no condition can change, and words for people.</summary>
    private static bool Skipped(SyntaxNode node) => node switch
    {
        AttributeListSyntax or PatternSyntax or EnumMemberDeclarationSyntax or CaseSwitchLabelSyntax or InterpolatedStringExpressionSyntax
            or ThrowStatementSyntax or ThrowExpressionSyntax or ParameterSyntax or ConstructorInitializerSyntax => true,
        FieldDeclarationSyntax field => field.Modifiers.Any(SyntaxKind.ConstKeyword),
        LocalDeclarationStatementSyntax local => local.IsConst,
        MethodDeclarationSyntax method => method.Identifier.Text is "ToString" or "GetHashCode",
        ObjectCreationExpressionSyntax made => made.Type.ToString().EndsWith("Exception", StringComparison.Ordinal),
        _ => false,
    };

    private static IEnumerable<(string Kind, string From, string To, Func<SyntaxNode, string, SyntaxNode> Plant)> At(SyntaxNode node)
    {
        switch (node)
        {
            case BinaryExpressionSyntax binary when Binary.TryGetValue(binary.OperatorToken.Text, out string[]? others) && !IsText(binary):
                foreach (string other in others)
                    yield return Choice(Kind(binary.OperatorToken.Text), binary, made => Text((BinaryExpressionSyntax)made, other));
                break;
            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.UnaryMinusExpression, Operand: not LiteralExpressionSyntax } minus:
                yield return Choice("sign", minus, made => ((PrefixUnaryExpressionSyntax)made).Operand.ToString());
                break;
            case LiteralExpressionSyntax { Token.Value: int or long or double or float } number when number.Parent is not PrefixUnaryExpressionSyntax:
                yield return Choice("constant", number, made => $"{made} + 1");
                break;
            case LiteralExpressionSyntax { RawKind: (int)SyntaxKind.TrueLiteralExpression or (int)SyntaxKind.FalseLiteralExpression } truth:
                yield return Choice("constant", truth, made => $"!{made}");
                break;
            case InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax called } call when Calls.TryGetValue(called.Name.Identifier.Text, out string? other) && call.Parent is not ExpressionStatementSyntax:
                yield return Choice("call", call, made => Renamed((InvocationExpressionSyntax)made, other));
                break;
            case ArgumentSyntax { Parent: BracketedArgumentListSyntax { Arguments.Count: 1, Parent: ElementAccessExpressionSyntax }, Expression: not (RangeExpressionSyntax or PrefixUnaryExpressionSyntax or LiteralExpressionSyntax { Token.Value: string }) } index:
                yield return ("index", Short(index), $"{Short(index)} + 1", (made, guard) =>
                    Argument(ParseExpression($"({guard} ? ({made}) + 1 : ({made}))")));
                break;
        }

        if (node.Parent is IfStatementSyntax { Condition: var condition } && condition == node || node.Parent is ConditionalExpressionSyntax { Condition: var asked } && asked == node)
            yield return ("negation", Short(node), $"!({Short(node)})", (made, guard) => ParseExpression($"({guard} != ({made}))"));
        if (node is InvocationExpressionSyntax { Parent: not ExpressionStatementSyntax } swapped && Swappable(swapped) is { } at)
            yield return Choice("swap", swapped, made => Swap((InvocationExpressionSyntax)made, at).ToString());
        foreach (var site in Statements(node))
            yield return site;
    }

    private static IEnumerable<(string Kind, string From, string To, Func<SyntaxNode, string, SyntaxNode> Plant)> Statements(SyntaxNode node)
    {
        if (node is ExpressionStatementSyntax { Expression: var done })
        {
            yield return ("removal", Short(node), "", (made, guard) => ParseStatement($"{{ if (!{guard}) {{ {made} }} }}"));
            if (done is InvocationExpressionSyntax called && Swappable(called) is { } at)
                yield return ("swap", Short(node), Short(Swap(called, at)), (made, guard) => ParseStatement(
                    $"{{ if ({guard}) {{ {Swap((InvocationExpressionSyntax)((ExpressionStatementSyntax)made).Expression, at)}; }} else {{ {made} }} }}"));
            if (done is AssignmentExpressionSyntax assigned && assigned.OperatorToken.Text is ['+' or '-' or '*' or '/', '='])
            {
                string opposite = assigned.OperatorToken.Text switch { "+=" => "-=", "-=" => "+=", "*=" => "/=", _ => "*=" };
                yield return ("arithmetic", Short(node), $"{assigned.Left} {opposite} {Short(assigned.Right)}", (made, guard) =>
                {
                    var inner = (AssignmentExpressionSyntax)((ExpressionStatementSyntax)made).Expression;
                    return ParseStatement($"{{ if ({guard}) {{ {inner.Left} {opposite} {inner.Right}; }} else {{ {made} }} }}");
                }
                );
            }
        }

        if (node is BlockSyntax { Parent: MethodDeclarationSyntax { ReturnType: var type } } block)
        {
            string leave = block.DescendantNodes().Any(each => each is YieldStatementSyntax) ? "yield break;" : type.ToString() == "void" ? "return;" : "return default!;";
            yield return ("early return", "{", leave, (made, guard) =>
                ((BlockSyntax)made).WithStatements(((BlockSyntax)made).Statements.Insert(0, ParseStatement($"if ({guard}) {leave} "))));
        }
    }

    private static (string, string, string, Func<SyntaxNode, string, SyntaxNode>) Choice(string kind, ExpressionSyntax node, Func<SyntaxNode, string> other) =>
        (kind, Short(node), Short(other(node.WithoutTrivia())), (made, guard) => ParseExpression($"({guard} ? ({other(made)}) : ({made}))"));

    private static string Kind(string text) => text switch
    {
        "<" or "<=" or ">" or ">=" or "==" or "!=" => "comparison",
        "&&" or "||" => "logic",
        _ => "arithmetic",
    };

    private static string Text(BinaryExpressionSyntax node, string other) => $"{node.Left}\n {other} {node.Right}";

    private static string Renamed(InvocationExpressionSyntax call, string other)
    {
        var called = (MemberAccessExpressionSyntax)call.Expression;
        var name = called.Name.WithIdentifier(Identifier(other));
        return call.WithExpression(called.WithName(name)).ToString();
    }

    private static bool IsText(BinaryExpressionSyntax node) => node.DescendantNodesAndSelf().Any(each =>
        each is InterpolatedStringExpressionSyntax or LiteralExpressionSyntax { Token.Value: string }) && node.OperatorToken.Text == "+";

    /// <summary>The first of two arguments beside each other that may change places; null where there are none.</summary>
    private static int? Swappable(InvocationExpressionSyntax call)
    {
        var given = call.ArgumentList.Arguments;
        string name = call.Expression is MemberAccessExpressionSyntax called ? called.Name.Identifier.Text : call.Expression.ToString();
        return Commute.Contains(name) ? null : Enumerable.Range(0, Math.Max(0, given.Count - 1)).Cast<int?>().FirstOrDefault(i =>
            new[] { given[i!.Value], given[i.Value + 1] }.All(each => each.NameColon is null && each.RefKindKeyword.IsKind(SyntaxKind.None)
                && each.Expression is not (LambdaExpressionSyntax or LiteralExpressionSyntax))
            && given[i.Value].ToString() != given[i.Value + 1].ToString());
    }

    private static InvocationExpressionSyntax Swap(InvocationExpressionSyntax call, int at)
    {
        var given = call.ArgumentList.Arguments;
        ArgumentSyntax first = given[at].WithoutTrivia(), second = given[at + 1].WithoutTrivia();
        var swapped = given.Replace(given[at], second);
        return call.WithArgumentList(call.ArgumentList.WithArguments(swapped.Replace(swapped[at + 1], first)));
    }

    private static string Member(SyntaxNode node)
    {
        var member = node.AncestorsAndSelf().OfType<MemberDeclarationSyntax>().First();
        string name = member switch
        {
            MethodDeclarationSyntax method => $"{method.Identifier}{method.ParameterList.Parameters.Count}",
            PropertyDeclarationSyntax property => property.Identifier.Text,
            ConstructorDeclarationSyntax => "new",
            FieldDeclarationSyntax field => field.Declaration.Variables[0].Identifier.Text,
            _ => member.Kind().ToString(),
        };
        return $"{member.Ancestors().OfType<TypeDeclarationSyntax>().FirstOrDefault()?.Identifier}.{name}";
    }

    private static string Short(SyntaxNode node) => Short(node.WithoutTrivia().ToString());

    private static string Short(string text)
    {
        string line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length > 100 ? line[..97] + "..." : line;
    }
}
