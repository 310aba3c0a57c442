using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace VaccineRef.Mutation;

/// <summary>
/// Chooses defects by a seed and plants them all in a copy of the repository, each behind the condition that its number
/// is in force. What does not compile is taken out again, and the next one of the same library takes its place.
/// </summary>
public sealed partial class Planting(string root, int seed, int count)
{
    /// <summary>Files whose methods run on the processor and on a GPU.</summary>
    private static readonly string[] Shared = ["AttentionSizes.cs"];

    private readonly Dictionary<string, string> _whole = [];
    private readonly HashSet<string> _broken = [];

    /// <summary>Plants them, and gives them their numbers.</summary>
    public IReadOnlyList<Defect> Run()
    {
        List<Defect> planted = [];
        foreach (var library in Library.All)
        {
            var order = Order(library);
            int wanted = Math.Max(1, count * library.Share / 100);
            for (; ; )
            {
                var chosen = order.Where(site => !_broken.Contains(site.Defect.Id)).DistinctBy(site => site.Node)
                    .Take(wanted)
                    .Select((site, i) => site with { Defect = site.Defect with { Number = planted.Count + i + 1, OnGpu = OnGpu(site) } }).ToArray();
                Write(library, chosen);
                if (Build(library) is not { Length: > 0 } errors)
                {
                    planted.AddRange(chosen.Select(site => site.Defect));
                    Console.WriteLine($"{library.Name}: {chosen.Length} defects in {chosen.DistinctBy(site => site.Defect.File).Count()} of {library.Files(root).Count} files");
                    break;
                }

                int before = _broken.Count;
                foreach (string id in errors.SelectMany(error => Guilty(error, chosen)))
                    _broken.Add(id);
                if (_broken.Count == before)
                    throw new InvalidOperationException(
                        $"{library.Name} does not compile, and no defect is the cause: {errors[0]}");
                Console.WriteLine($"{library.Name}: {_broken.Count - before} defects do not compile");
            }
        }

        return planted;
    }

    /// <summary>All sites of a library: round after round one of each file, of each kind of change in turn.</summary>
    private Site[] Order(Library library)
    {
        string Draw(params string[] parts) => Defect.Hash([$"{seed}", .. parts]);
        return
        [
            .. library.Files(root).SelectMany(file =>
            {
                string text = _whole[file] = File.ReadAllText(Path.Combine(root, file));
                return Operators.Of(file, CSharpSyntaxTree.ParseText(text).GetRoot())
                    .GroupBy(site => site.Defect.Operator)
                    .SelectMany(kind => kind.OrderBy(site => Draw(site.Defect.Id))
                        .Select((site, i) => (Site: site, Turn: i, Kind: kind.Key)))
                    .OrderBy(each => each.Turn).ThenBy(each => Draw(file, each.Kind, $"{each.Turn}"))
                    .Select((each, round) => (each.Site, Round: round));
            }).OrderBy(each => each.Round).ThenBy(each => Draw(each.Site.Defect.File, $"{each.Round}"))
                .Select(each => each.Site),
        ];
    }

    private void Write(Library library, Site[] chosen)
    {
        foreach (string file in library.Files(root))
        {
            var sites = chosen.Where(site => site.Defect.File == file).ToDictionary(site => site.Node);
            string text = sites.Count == 0 ? _whole[file] : sites.Keys.First().SyntaxTree
                .GetRoot().ReplaceNodes(sites.Keys, (whole, made) =>
                sites[whole].Plant(made.WithoutTrivia(), Guard(sites[whole])).WithTriviaFrom(made)).ToFullString();
            if (File.ReadAllText(Path.Combine(root, file)) != text)
                File.WriteAllText(Path.Combine(root, file), text);
        }

        using var planted = typeof(Planting).Assembly.GetManifestResourceStream("PlantedDefect.cs")!;
        using var reader = new StreamReader(planted);
        File.WriteAllText(Path.Combine(root, library.Project, "PlantedDefect.cs"), reader.ReadToEnd());
    }

    /// <summary>What runs on a GPU can read a constant, and call nothing that watches.</summary>
    private static string Guard(Site site) =>
        OnGpu(site) ? $"(PlantedDefect.Number == {site.Defect.Number})" : $"PlantedDefect.Is({site.Defect.Number})";

    private static bool OnGpu(Site site)
    {
        string file = site.Defect.File, name = Path.GetFileName(file);
        return Shared.Contains(name) || file.Contains("/Gpu/", StringComparison.Ordinal)
            || file.Contains("/TensorCores/", StringComparison.Ordinal)
            || name.StartsWith("Gpu", StringComparison.Ordinal)
            || (name.EndsWith(".Gpu.cs", StringComparison.Ordinal)
                && site.Node.Ancestors().OfType<MethodDeclarationSyntax>()
                    .Any(method => method.Modifiers.Any(SyntaxKind.StaticKeyword)));
    }

    private string[] Build(Library library)
    {
        string output = Shell.Output(
            root, "dotnet", "build", library.Project, "-c", "Release", "--no-restore", "-p:RunAnalyzers=false",
            "-p:TreatWarningsAsErrors=false",
            "-p:GenerateDocumentationFile=false", "-p:EnforceCodeStyleInBuild=false", "-p:NoWarn=CS1591", "-v:q");
        return [.. output.Split('\n').Where(line => line.Contains(": error ", StringComparison.Ordinal)).Distinct()];
    }

    /// <summary>
    /// The defects that an error is in; where it is in none, all of the same member, or else of the same file.
    /// </summary>
    private IEnumerable<string> Guilty(string error, Site[] chosen)
    {
        if (Place().Match(error) is not { Success: true } place)
            return [];
        string path = place.Groups["file"].Value.Trim(), file = Path.GetRelativePath(root, path);
        var tree = CSharpSyntaxTree.ParseText(File.ReadAllText(path));
        int at = tree.GetText().Lines[int.Parse(place.Groups["line"].ValueSpan) - 1].Start
            + int.Parse(place.Groups["column"].ValueSpan) - 1;
        var inside = tree.GetRoot().FindToken(at).Parent!.AncestorsAndSelf();
        var numbers = inside.Select(Planted).FirstOrDefault(found => found is not null) is { } one ? (int[])[one]
            : Numbers(inside.OfType<MemberDeclarationSyntax>().First()) is { Length: > 0 } several
                ? several
                : Numbers(tree.GetRoot());
        return chosen.Where(site => site.Defect.File == file && numbers.Contains(site.Defect.Number))
            .Select(site => site.Defect.Id);
    }

    private static int? Planted(SyntaxNode node) => node switch
    {
        ConditionalExpressionSyntax choice => Numbers(choice.Condition) is [var number] ? number : null,
        IfStatementSyntax choice => Numbers(choice.Condition) is [var number] ? number : null,
        BinaryExpressionSyntax { RawKind: (int)SyntaxKind.NotEqualsExpression } negated =>
            Numbers(negated.Left) is [var number] ? number : null,
        _ => null,
    };

    private static int[] Numbers(SyntaxNode node) =>
        [.. Number().Matches(node.ToString()).Select(match => int.Parse(match.Groups["number"].ValueSpan)).Distinct()];

    [GeneratedRegex(@"^(?<file>.*)\((?<line>\d+),(?<column>\d+)\): error ")]
    private static partial Regex Place();

    [GeneratedRegex(@"PlantedDefect\.(Is\(|Number == )(?<number>\d+)")]
    private static partial Regex Number();
}
