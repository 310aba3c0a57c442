namespace VaccineRef.Mutation;

/// <summary>A library whose files compute, and the tests that are near to it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Project">Its folder.</param>
/// <param name="Share">How many of a hundred defects it gets.</param>
/// <param name="Folders">Where in it to plant; everywhere by default.</param>
/// <param name="Near">The test projects that are tried first.</param>
public sealed record Library(string Name, string Project, int Share, string[] Folders, string[] Near)
{
    /// <summary>All of them, each after those that it is built on.</summary>
    public static IReadOnlyList<Library> All { get; } =
    [
        new("Core", "src/VaccineRef.Core", 12, ["Autograd", "Devices", "Hooks", "Memory", "RandomStream.cs"], ["Core", "Kernels"]),
        new("Kernels", "kernels/VaccineRef.Kernels", 18, [""], ["Kernels"]),
        new("Models", "src/VaccineRef.Models", 20, [""], ["Models"]),
        new("Training", "src/VaccineRef.Training", 19, [""], ["Training"]),
        new("Verification", "src/VaccineRef.Verification", 11, [""], ["Verification"]),
        new("Experiments", "src/VaccineRef.Experiments", 14, ["Data", "Evaluation"], ["Experiments"]),
        new("Reporting", "src/VaccineRef.Reporting", 6, ["Statistics"], ["Reporting"]),
    ];

    /// <summary>The test projects.</summary>
    public static IReadOnlyList<string> Tests { get; } =
    [
        "Core", "Kernels", "Models", "Training", "Experiments", "Reporting", "Verification",
    ];

    /// <summary>The files where defects are planted, from the root of the repository, in order.</summary>
    public IReadOnlyList<string> Files(string root) =>
    [
        .. Directory.GetFiles(Path.Combine(root, Project), "*.cs", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(root, path))
            .Where(path => Folders.Any(folder => path.StartsWith($"{Project}/{folder}", StringComparison.Ordinal))
                && !path.Contains("/obj/", StringComparison.Ordinal) && Path.GetFileName(path) != "PlantedDefect.cs")
            .Order(StringComparer.Ordinal),
    ];
}
