using System.Text.Json.Serialization;

namespace VaccineRef.Mutation;

/// <summary>A class of tests, and what it reaches.</summary>
/// <param name="Project">Its project.</param>
/// <param name="Name">Its full name.</param>
/// <param name="Seconds">The processor's seconds that it takes.</param>
/// <param name="Red">
/// What is red without any defect; null if nothing is. Such a class proves nothing, and is left out.
/// </param>
/// <param name="Reached">The defects that it reaches.</param>
public sealed record TestClass(string Project, string Name, double Seconds, string? Red, IReadOnlyList<int> Reached);

/// <summary>What became of a defect.</summary>
/// <param name="Id">The defect.</param>
/// <param name="Noticed">The test that noticed it; null if none did.</param>
/// <param name="Classes">How many classes were run.</param>
public sealed record Trial(string Id, string? Noticed, int Classes);

/// <summary>How the files between the parts of a run are written.</summary>
[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(List<Defect>))]
[JsonSerializable(typeof(List<TestClass>))]
[JsonSerializable(typeof(List<Trial>))]
internal sealed partial class StateJson : JsonSerializerContext;
