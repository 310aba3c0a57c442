using System.Text.Json.Nodes;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.World;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>
/// What the probes of options read: a model, data, a finished run, a finished grid with its cache and its plan. Gone
/// afterwards.
/// </summary>
public sealed class OptionPlaces : IDisposable, ICollectionFixture<OptionPlaces>
{
    private readonly TinyExperiment _tiny = new();
    private readonly TinyCluster _cluster = new();

    public OptionPlaces()
    {
        string[] strong = ["--set", "alignment.training.learning_rate=0.5", "--set",
            "alignment.rule={\"kind\":\"plain\"}", "--threads", "1"];
        Made(["run", _tiny.Recipe, "--out", In("run"), .. strong]);
        Made(
        [
            "run", _tiny.Recipe, "--out", In("grid"), "--cache", In("cache"), "--set", "grid={\"seed\":[1,2]}",
            "--set", "keep={\"stages\":[\"alignment\"],\"seeds\":0}", .. strong,
        ]);
        _cluster.Plan();
        Made("lab", "--recipe", _cluster.Recipe, "--out", In("lab"), "--cache", In("labcache"), "--threads", "1");
        TinyExperiment.WriteClassifier(In("dam"), ModerationJudge<float>.Labels);
        Made([.. OptionProbes.Demo, "--out", In("demo"), "--cache", In("democache")]);
        Copy("prefixed", name => $"module.{name}", (_, value) => value);
        Copy("huge", name => name, (name, value) => name.Contains("embed", StringComparison.Ordinal)
            || name == "model.norm.weight" ? value * 1e25f : value);
        Copy("wild", name => name, (name, value) => name.Contains("proj", StringComparison.Ordinal) ? value * 20 : value);
        // a query that is a float and no bfloat16
        Copy("edge", name => name, (name, value) => name.Contains("q_proj", StringComparison.Ordinal) ? 3.4e38f : name.Contains("input_layernorm", StringComparison.Ordinal) ? 1e-3f : value);
        var world = new SyntheticWorld(1, new());
        _tiny.Write("world.jsonl", string.Concat(world.HarmfulTest.Take(2).Select(asked => new JsonObject
        {
            ["prompt"] = asked.Prompt,
            ["response"] = asked.Answer,
            ["is_safe"] = false,
        }.ToJsonString() + "\n")));
        Directory.CreateDirectory(In("trace"));
        _tiny.Write(
            "trace/manifest.json",
            """{"schema":"vaccine-trace/1","case":"gpt2","dtype":"float64","steps":[{"step":1,"losses":{"p1":1.0}}]}""");
        Made("conform", "kit", In("kit"));
    }

    /// <summary>A path in the folder.</summary>
    public string In(string name) => _tiny.In(name);

    /// <summary>A word of a command line: behind @ the name of a place.</summary>
    public string Path(string word) => word switch
    {
        "@plan" => _cluster.In("plan.json"),
        "@tasks" => _cluster.Recipe,
        ['@', 'g', 'o', 'l', 'd', 'e', 'n', .. var name] =>
            System.IO.Path.Combine(Repository.Root, "tests", "golden") + name,
        ['@', .. var name] => In(name),
        _ => word,
    };

    public void Dispose()
    {
        _tiny.Dispose();
        _cluster.Dispose();
    }

    private static void Made(params string[] words)
    {
        var outcome = Vaccine.Run(words);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
    }

    /// <summary>The model once more, with other names of its tensors or other numbers.</summary>
    private void Copy(string folder, Func<string, string> name, Func<string, float, float> value)
    {
        Directory.CreateDirectory(In(folder));
        foreach (string file in Directory.GetFiles(In("model")))
            File.Copy(file, System.IO.Path.Combine(In(folder), System.IO.Path.GetFileName(file)));
        string path = Directory.GetFiles(In(folder), "*.safetensors").Single();
        List<TensorData> tensors = [];
        using (var from = SafetensorsFile.Open(path))
            foreach (var entry in from.Tensors.Values)
            {
                var numbers = new float[entry.Shape.Aggregate(1L, (product, extent) => product * extent)];
                from.Read<float>(entry.Name, numbers);
                tensors.Add(TensorData.Floats<float>(
                    name(entry.Name), entry.Type, entry.Shape.AsSpan(),
                    numbers.Select(number => value(entry.Name, number)).ToArray()));
            }

        SafetensorsWriter.Write(path, tensors);
    }
}
