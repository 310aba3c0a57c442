using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

public sealed class DependencyLineTests
{
    private static readonly string[] Folders = ["src", "kernels"];

    [Fact]
    public void Every_project_keeps_the_line()
    {
        var projects = Projects().ToArray();
        Assert.Contains("Core", projects.Select(path => DependencyLine.NameOf(path)));
        Assert.Empty(
            projects.SelectMany(path => DependencyLine.Project(DependencyLine.NameOf(path), File.ReadAllText(path))));
    }

    [Fact]
    public void Every_source_keeps_to_what_its_project_may_use()
    {
        var wrong = from project in Projects()
                    from file in Directory.EnumerateFiles(
                        Path.GetDirectoryName(project)!, "*.cs", SearchOption.AllDirectories)
                    where !file.Contains(
                        $"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
                    from fault in DependencyLine.Source(DependencyLine.NameOf(project), File.ReadAllText(file))
                    select $"{Path.GetFileName(file)}: {fault}";
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("Core", """<ProjectReference Include="../VaccineRef.Models/VaccineRef.Models.csproj" />""", "Core -> Models")]
    [InlineData("Models", """<ProjectReference Include="..\VaccineRef.Training\VaccineRef.Training.csproj" />""", "Models -> Training")]
    [InlineData("Models", """<ProjectReference Include="../VaccineRef.Models/VaccineRef.Models.csproj" />""", "Models -> Models")]
    [InlineData("Training", """<ProjectReference Include="../../tests/Else.csproj" />""", "Training -> Else")]
    [InlineData("Core", """<PackageReference Include="Spectre.Console" />""", "Core uses the package Spectre.Console")]
    [InlineData("Models", """<PackageReference Include="ILGPU" />""", "Models uses the package ILGPU")]
    [InlineData("Training", "<AllowUnsafeBlocks>true</AllowUnsafeBlocks>", "Training allows unsafe code")]
    [InlineData("Server", "", "Server has no place in the line")]
    public void A_project_that_breaks_the_line_is_named(string project, string element, string fault) =>
        Assert.Equal([fault], DependencyLine.Project(project, $"<Project><ItemGroup>{element}</ItemGroup></Project>"));

    [Theory]
    [InlineData("Kernels", """<ProjectReference Include="../../src/VaccineRef.Gpu/VaccineRef.Gpu.csproj" /><PackageReference Include="ILGPU" />""")]
    [InlineData("Core", """<PackageReference Include="System.Numerics.Tensors" /><AllowUnsafeBlocks>true</AllowUnsafeBlocks>""")]
    [InlineData("Cli", """<PackageReference Include="Spectre.Console" />""")]
    public void A_project_that_keeps_it_is_not(string project, string element) =>
        Assert.Empty(DependencyLine.Project(project, $"<Project><ItemGroup>{element}</ItemGroup></Project>"));

    [Theory]
    [InlineData("Training", "var r = new Random(1);", "System.Random")]
    [InlineData("Core", "int i = System.Random.Shared.Next();", "System.Random")]
    [InlineData("Models", "var t = DateTime.UtcNow;", "the clock")]
    [InlineData("Models", "Console.WriteLine(1);", "Console")]
    [InlineData("Training", "using ILGPU;", "ILGPU")]
    [InlineData("Models", "unsafe { }", "unsafe")]
    public void A_source_that_reaches_too_far_is_named(string project, string code, string what) =>
        Assert.Equal([$"{project} names {what}"], DependencyLine.Source(project, code));

    [Theory]
    [InlineData("Cli", "Console.WriteLine(DateTime.Now);")]
    [InlineData("Models", "// Console.WriteLine is not for here; nor is unsafe code")]
    [InlineData("Models", "string s = \"new Random, unsafe, ILGPU\";")]
    [InlineData("Kernels", "using ILGPU; unsafe { }")]
    [InlineData("Core", "var r = new RandomStream(1);")]
    public void A_source_that_does_not_is_not(string project, string code) =>
        Assert.Empty(DependencyLine.Source(project, code));

    private static IEnumerable<string> Projects() => Folders.SelectMany(folder =>
        Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.csproj", SearchOption.AllDirectories));
}
