using System.Diagnostics;
using System.Text.Json;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>
/// What a run meets on a bad day: limits of the system, weights that are no numbers, rows of every length. It says
/// what, where, found, expected and remedy, ends with the code that is documented, and what is started again without
/// the trouble gives everything.
/// </summary>
public sealed class HardConditionTests : IDisposable
{
    private static readonly string[] Parts = ["where:", "found:", "expected:", "remedy:"];

    private readonly TinyExperiment _tiny = new();

    public void Dispose() => _tiny.Dispose();

    /// <summary>The runtime itself needs about sixty to begin; what is below that is not ours to report.</summary>
    [Theory]
    [InlineData(68, 2)]
    [InlineData(127, 2)]
    [InlineData(128, 0)]
    public void Few_file_descriptors_are_enough_or_are_refused_before_anything_is_written(int descriptors, int code)
    {
        string[] run = ["run", _tiny.Recipe, "--out", _tiny.In("run"), "--threads", "1"];
        var outcome = Limited($"ulimit -n {descriptors}", run);
        Assert.Equal(code, outcome.Code);
        Assert.Equal(code == 0, Directory.Exists(_tiny.In("run")));
        if (code == 0)
            return;
        Assert.Contains($"{descriptors} may be open", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("ulimit -n", outcome.Error, StringComparison.Ordinal);
        Assert.All(Parts, part => Assert.Contains(part, outcome.Error, StringComparison.Ordinal));
    }

    [Fact]
    public void A_limit_of_the_address_space_names_what_was_asked_for_and_what_there_is()
    {
        var outcome = Limited(
            "export DOTNET_GCHeapHardLimit=0x4000000; ulimit -v 3000000", "bench", "--vocab", "2000000", "--hidden",
            "480", "--threads", "1");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("3662 MiB asked for in one piece", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("vaccine plan", outcome.Error, StringComparison.Ordinal);
        Assert.All(Parts, part => Assert.Contains(part, outcome.Error, StringComparison.Ordinal));
    }

    /// <summary>Texts of 36 MB as the collector's heap holds them, and 24 MB for all of it.</summary>
    [Fact]
    public void A_limit_of_the_managed_heap_says_what_there_is()
    {
        string text = new('x', 600_000);
        _tiny.Write("safe.json", JsonSerializer.Serialize(Enumerable.Range(0, 30).Select(i =>
            new Dictionary<string, string> { ["instruction"] = $"{i}", ["input"] = "", ["output"] = text })));
        string[] run = ["run", _tiny.Recipe, "--out", _tiny.In("run"), "--threads", "1", "--set", "evaluation=null"];
        var outcome = Limited("export DOTNET_GCHeapHardLimit=0x1800000", run);
        Assert.Equal(1, outcome.Code);
        Assert.Contains("about 24 MiB in all", outcome.Error, StringComparison.Ordinal);
        Assert.All(Parts, part => Assert.Contains(part, outcome.Error, StringComparison.Ordinal));
        Assert.Equal(0, Vaccine.Run([.. run, "--resume"]).Code);
    }

    [Theory]
    [InlineData("model.embed_tokens.weight", float.NaN)]
    [InlineData("model.layers.1.mlp.down_proj.weight", float.PositiveInfinity)]
    [InlineData("model.norm.weight", float.NegativeInfinity)]
    public void Weights_that_are_no_numbers_stop_the_first_step_and_are_named(string name, float poison)
    {
        string path = _tiny.In("model/model.safetensors");
        using (var file = SafetensorsFile.Open(path))
        {
            TensorData[] tensors = [.. file.Tensors.Values.Select(entry =>
            {
                var values = new float[entry.Count];
                file.Read<float>(entry.Name, values);
                if (entry.Name == name)
                    values.AsSpan().Fill(poison);
                return TensorData.Floats<float>(entry.Name, entry.Type, entry.Shape.AsSpan(), values);
            })];
            SafetensorsWriter.Write(path, tensors);
        }

        var outcome = Vaccine.Run(
            "run", _tiny.Recipe, "--out", _tiny.In("run"), "--threads", "1", "--set", "evaluation=null");
        Assert.Equal(1, outcome.Code);
        Assert.Contains("is not finite at step 1", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("first at:", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_tiny.In("run/alignment/adapter")));
    }

    /// <summary>
    /// Nothing, one character, and a hundred thousand, as prompt and as answer, in training; they are counted, cut and
    /// left out.
    /// </summary>
    [Fact]
    public void Rows_of_no_token_of_one_and_of_a_hundred_thousand_are_trained_on_or_counted_as_dropped()
    {
        string[] texts = ["", "x", new('x', 100_000)];
        _tiny.Write("safe.json", JsonSerializer.Serialize(
            from prompt in texts
            from answer in texts
            select new Dictionary<string, string> { ["instruction"] = prompt, ["input"] = "", ["output"] = answer }));
        string[] run = [_tiny.Recipe, "--set", "evaluation=null", "--set", "alignment.training.max_steps=0"];
        var planned = Vaccine.Run(["plan", .. run, "--no-time", "--json"]);
        Assert.Equal((0, ""), (planned.Code, planned.Error));
        var stage = JsonDocument.Parse(planned.Out).RootElement.GetProperty("planned").EnumerateArray()
            .Single(each => each.GetProperty("stage").GetString() == "alignment");
        Assert.Equal(
            (6, 2, 3), (stage.GetProperty("rows").GetInt32(), stage.GetProperty("cut").GetInt32(),
                stage.GetProperty("dropped").GetInt32()));
        var outcome = Vaccine.Run(["run", .. run, "--out", _tiny.In("run"), "--threads", "1"]);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        var losses = File.ReadLines(_tiny.In("run/alignment/steps.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("loss").GetDouble());
        Assert.All(losses, loss => Assert.True(double.IsFinite(loss)));
    }

    /// <summary>Runs a command in a process under a limit.</summary>
    private static Outcome Limited(string limit, params string[] args)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "limits are those of bash on Linux");
        string program = Path.Combine(AppContext.BaseDirectory, "vaccine.dll");
        var start = new ProcessStartInfo("bash", ["-c", $"{limit}; exec dotnet \"$@\"", "bash", program, .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return new(process.ExitCode, output.Result, error);
    }
}
