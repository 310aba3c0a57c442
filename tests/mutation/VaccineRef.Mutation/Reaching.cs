using System.Text.Json;

namespace VaccineRef.Mutation;

/// <summary>
/// Runs every class of tests by itself, with no defect in force, to see which defects it reaches and how long it takes.
/// </summary>
public static class Reaching
{
    private const int Patience = 900;

    /// <summary>Every class of the test projects, those that are known as they are.</summary>
    public static IEnumerable<TestClass> Of(string root, IReadOnlyList<TestClass> known)
    {
        foreach (string project in Library.Tests)
        {
            string assembly = Assembly(root, project);
            using var list = JsonDocument.Parse(Shell.Output(root, "dotnet", assembly, "--list-tests", "json"));
            var types = list.RootElement.GetProperty("tests").EnumerateArray().Select(test => test.GetProperty("type"));
            string[] names = [.. types.Select(type => $"{type.GetProperty("namespace")}.{type.GetProperty("typeName")}")
                .Distinct().Order(StringComparer.Ordinal)];
            foreach (var each in names.AsParallel().WithDegreeOfParallelism(2)
                .WithMergeOptions(ParallelMergeOptions.NotBuffered)
                .Select(name => known.FirstOrDefault(each => each.Name == name) ?? One(assembly, project, name)))
                yield return each;
        }
    }

    /// <summary>The program of a test project.</summary>
    public static string Assembly(string root, string project) =>
        Path.Combine(root, $"tests/VaccineRef.{project}.Tests/bin/Release/net10.0/VaccineRef.{project}.Tests.dll");

    private static TestClass One(string assembly, string project, string name)
    {
        string folder = Directory.CreateTempSubdirectory("vaccineref-reached-").FullName;
        try
        {
            var (red, seconds) = Shell.Tests(assembly, [name], Patience, ("PLANTED_REACHED", folder));
            int[] reached = [.. Directory.GetFiles(folder).SelectMany(File.ReadLines).Select(int.Parse).Distinct()
                .Order()];
            return new(project, name, seconds, red == "no tests" ? null : red, reached);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
