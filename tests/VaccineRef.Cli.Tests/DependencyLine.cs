using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace VaccineRef.Cli.Tests;

/// <summary>
/// The order of the projects: each project may refer only to those on its left. This class also knows which packages a
/// project may use. It takes project files and sources as text, so that tests can show that it finds a violation.
/// </summary>
internal static partial class DependencyLine
{
    private static readonly string[] Line =
        ["Core", "Gpu", "Kernels", "Models", "Training", "Laws", "Verification", "Experiments", "Reporting", "Mpi",
            "Cli"];

    /// <summary>The projects, from the first of the line to the last.</summary>
    public static IReadOnlyList<string> Projects => Line;

    private static readonly string[] MayUseUnsafe = ["Core", "Gpu", "Kernels", "Mpi"];

    // null allows any package
    private static readonly Dictionary<string, string[]?> Packages = new()
    {
        ["Core"] = ["System.Numerics.Tensors"],
        ["Gpu"] = null,
        ["Kernels"] = ["ILGPU", "ILGPU.Algorithms"],
        ["Models"] = [],
        ["Training"] = [],
        ["Laws"] = ["FsCheck"],
        ["Verification"] = [],
        ["Experiments"] = ["CsvHelper", "Parquet.Net", "SharpCompress", "SharpZipLib", "ZstdSharp.Port"],
        ["Reporting"] = ["OxyPlot.Core"],
        ["Mpi"] = [],
        ["Cli"] = null,
    };

    /// <summary>What is wrong with a project file. Empty if it keeps the order.</summary>
    /// <param name="project">The name of the project without its prefix, such as "Core".</param>
    /// <param name="xml">The project file.</param>
    public static IEnumerable<string> Project(string project, string xml)
    {
        int place = Array.IndexOf(Line, project);
        if (place < 0)
            return [$"{project} has no place in the line"];
        var elements = XDocument.Parse(xml).Descendants().ToArray();
        IEnumerable<string> Included(string kind) => elements.Where(element => element.Name.LocalName == kind)
            .Select(element => element.Attribute("Include")?.Value ?? "nothing");
        var references = Included("ProjectReference").Select(path => NameOf(path))
            .Where(name => !Line.Take(place).Contains(name)).Select(name => $"{project} -> {name}");
        var packages = Included("PackageReference").Where(name => Packages[project]?.Contains(name) == false)
            .Select(name => $"{project} uses the package {name}");
        var blocks = elements.Where(element => element.Name.LocalName == "AllowUnsafeBlocks" && element.Value == "true")
            .Where(_ => !MayUseUnsafe.Contains(project)).Select(_ => $"{project} allows unsafe code");
        return [.. references, .. packages, .. blocks];
    }

    /// <summary>What is wrong with a source file of a project.</summary>
    public static IEnumerable<string> Source(string project, string code)
    {
        string bare = Comment().Replace(Text().Replace(code, "\"\""), "");
        bool inCli = project == "Cli";
        (bool Barred, Regex Sign, string What)[] rules =
        [
            (!inCli, SystemRandom(), "System.Random"), (!inCli, Clock(), "the clock"), (!inCli, Screen(), "Console"),
            (project is not ("Gpu" or "Kernels"), Ilgpu(), "ILGPU"),
            (!MayUseUnsafe.Contains(project), Unsafe(), "unsafe"),
        ];
        return rules.Where(rule => rule.Barred && rule.Sign.IsMatch(bare))
            .Select(rule => $"{project} names {rule.What}");
    }

    /// <summary>
    /// Finds the name of a project in the path to it: "../VaccineRef.Models/VaccineRef.Models.csproj" is Models.
    /// </summary>
    public static string NameOf(string path) =>
        Path.GetFileNameWithoutExtension(path.Replace('\\', '/')).Replace("VaccineRef.", "", StringComparison.Ordinal);

    [GeneratedRegex("\"\"\"[\\s\\S]*?\"\"\"|\"(\\\\.|[^\"\\\\\\n])*\"")]
    private static partial Regex Text();

    [GeneratedRegex(@"//.*|/\*[\s\S]*?\*/")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\bSystem\.Random\b|\bnew Random\b|\bRandom\.Shared\b|\bRandom \w+ = new\b")]
    private static partial Regex SystemRandom();

    [GeneratedRegex(@"\bDateTime(Offset)?\.(Now|UtcNow|Today)\b")]
    private static partial Regex Clock();

    [GeneratedRegex(@"\bConsole\.")]
    private static partial Regex Screen();

    [GeneratedRegex(@"\bILGPU\b")]
    private static partial Regex Ilgpu();

    [GeneratedRegex(@"\bunsafe\b")]
    private static partial Regex Unsafe();
}
