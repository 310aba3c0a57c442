using System.Text.Json.Nodes;
using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

/// <summary>A text ends at any token that any of the model's files names as an end.</summary>
public sealed class EndTokensTests : IDisposable
{
    private readonly CpuDevice _device = new(2);

    public void Dispose() => _device.Dispose();

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 20)]
    public void A_text_ends_at_the_first_token_that_any_file_names(TinyModel tiny, bool list)
    {
        using var folder = new TempFolder();
        using var plain = tiny.Create<double>(_device);
        int[][] prompts = [[1, 2, 3], [4, 5]];
        int[][] free = Generator.Generate(plain, prompts, new(8));
        int[] ends = [free[0][6], free[1][3], free[0][5]];
        var json = tiny.Json;
        json["eos_token_id"] = list ? new JsonArray(ends[0], -1) : ends[0];
        string path = ModelFiles.Write(folder, "model", json, ModelFiles.Tensors(plain));
        File.WriteAllText(
            Path.Combine(path, "generation_config.json"), $$"""{"eos_token_id": [{{ends[1]}}, {{ends[0]}}]}""");
        using var model = LanguageModel.Load<double>(path, _device);
        Assert.Equal(new[] { ends[1], ends[0] }.Distinct(), model.EndIds);
        Assert.Equal(model.EndIds, EndTokens.Read(path).AsEnumerable());

        Assert.Equal(free, Generator.Generate(model, prompts, new(8)));                  // nobody asked for an end
        Cut(Generator.Generate(model, prompts, new(8, EosId: ends[2])), free, ends);
        Cut(Generator.Generate(plain, prompts, new(8) { EndIds = [.. ends] }), free, ends);
    }

    [Theory]
    [InlineData("config.json", "\"two\"")]
    [InlineData("config.json", "[2, \"three\"]")]
    [InlineData("generation_config.json", "{}")]
    [InlineData("generation_config.json", "2.5")]
    public void An_end_that_is_no_id_is_named(string file, string value)
    {
        using var folder = new TempFolder();
        folder.Write("config.json", """{"eos_token_id": 2}""");
        folder.Write(file, $$"""{"eos_token_id": {{value}}}""");
        var error = Assert.Throws<CheckpointException>(() => EndTokens.Read(folder.Path));
        Assert.Equal((folder.File(file), "eos_token_id"), (error.File, error.Key));
    }

    [Theory]
    [InlineData("""{"eos_token_id": null}""", null, new int[0])]
    [InlineData("""{"eos_token_id": -1}""", "{}", new int[0])]
    [InlineData("""{"eos_token_id": 2}""", """{"eos_token_id": [5, 6]}""", new[] { 5, 6, 2 })]
    [InlineData("{}", """{"eos_token_id": 7}""", new[] { 7 })]
    public void Both_files_are_read(string config, string? generation, int[] ends)
    {
        using var folder = new TempFolder();
        folder.Write("config.json", config);
        if (generation is not null)
            folder.Write("generation_config.json", generation);
        Assert.Equal(ends, EndTokens.Read(folder.Path));
    }

    [Theory]
    [InlineData(new[] { 1, 2, 7 }, new[] { 1, 2 })]
    [InlineData(new[] { 7, 9 }, new[] { 7 })]
    [InlineData(new[] { 1, 2 }, new[] { 1, 2 })]
    [InlineData(new int[0], new int[0])]
    public void An_answer_lacks_the_end_token_that_closes_it(int[] continuation, int[] answer) =>
        Assert.Equal(answer, EndTokens.Answer(continuation, [7, 9]).ToArray());

    private static void Cut(int[][] ended, int[][] free, int[] ends)
    {
        for (int i = 0; i < free.Length; i++)
        {
            int at = Array.FindIndex(free[i], ends.Contains);
            Assert.Equal(at < 0 ? free[i] : free[i][..(at + 1)], ended[i]);
        }
    }
}
