using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>Rows made up for tests.</summary>
internal static class Rows
{
    public static Example One(string instruction, string input = "", string output = "Yes.", string id = "made-up:1") =>
        new(id, instruction, input, output, null, null, "test");

    public static Example[] Many(string file, int count) =>
        [.. Enumerable.Range(1, count).Select(row => One($"{file} question {row}", id: $"{file}:{row}"))];
}
