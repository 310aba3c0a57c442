using System.Security.Cryptography;
using System.Text;
using Microsoft.CodeAnalysis;

namespace VaccineRef.Mutation;

/// <summary>A small change of the program that its tests should notice.</summary>
/// <param name="File">The file, from the root of the repository.</param>
/// <param name="Line">The line, from 1.</param>
/// <param name="Operator">The kind of the change.</param>
/// <param name="Member">The member that it is in.</param>
/// <param name="From">What stands there.</param>
/// <param name="To">What stands there with the defect.</param>
/// <param name="Id">Names it as long as its member says the same, wherever it moves.</param>
public sealed record Defect(string File, int Line, string Operator, string Member, string From, string To, string Id)
{
    /// <summary>Its number in this copy, from 1.</summary>
    public int Number { get; init; }

    /// <summary>Whether it is in what is compiled for a GPU, where nothing can watch whether it is reached.</summary>
    public bool OnGpu { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Id} {File}:{Line} {Operator}: {From} -> {To}";

    /// <summary>The first digits of a hash: the same on every machine.</summary>
    public static string Hash(params string[] parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))))[..10];
}

/// <summary>A place where a defect can be planted, and how.</summary>
/// <param name="Defect">What is planted.</param>
/// <param name="Node">The node that is replaced.</param>
/// <param name="Plant">
/// Of the node, with what was planted inside it, and the condition that the defect is in force: both in one.
/// </param>
public sealed record Site(Defect Defect, SyntaxNode Node, Func<SyntaxNode, string, SyntaxNode> Plant);
