using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Reporting.Tests;

/// <summary>
/// Runs recipes that differ in a key, on tiny models, and says what came of them. What they have in common is computed
/// once, from one cache: so a key that bears on a number and not on what the number is kept under shows as one that
/// changes nothing. Gone afterwards.
/// </summary>
public sealed class KeyPlaces : IDisposable
{
    /// <summary>What is seen of a recipe that is refused begins with this.</summary>
    public const string Refused = "refused: ";

    // they name what was asked for, and say nothing of what came of it
    private static readonly string[] Names =
    [
        "schema", "hash", "stage", "times", "arithmetic", "rule", "objective", "judge", "template", "generation",
    ];

    private readonly TinyExperiment _tiny = new();
    private readonly ConcurrentDictionary<string, Lazy<string>> _seen = new();
    private int _recipes;

    public KeyPlaces()
    {
        Model("other", seed: 2, name => name);
        Model("prefixed", seed: 1, name => $"module.{name}");
        Model("merging", seed: 1, name => name);
        Merge("merging", "b", "c");
        TinyExperiment.WriteClassifier(_tiny.In("dam"), ModerationJudge<float>.Labels);
        TinyExperiment.WriteClassifier(_tiny.In("second"), [.. ModerationJudge<float>.Labels.Reverse()]);
        Adapter("adapter");
        _tiny.Write("glue.jsonl", Lines(2, _ => ("q", "ab"), _ => ("a", "cd")));
        _tiny.Write("map.jsonl", Lines(
            6, i => ("q", $"q{i}"), i => ("r", $"r{i}"), i => ("a", new string('a', 1 + (i % 3))), i => ("b", $"b{i}"),
            i => ("c", $"c{i}"),
            i => ("ok", i % 2 == 0 ? "true" : "false")));
        _tiny.Write(
            "both.jsonl", Lines(
                4, i => ("instruction", $"i{i}"), i => ("output", $"o{i}"), i => ("prompt", $"p{i}"),
                i => ("response", $"r{i}"), _ => ("is_safe", "true")));
        _tiny.Write(
            "two.txt", "instruction\toutput\tz,instruction,output,y\n"
                + string.Concat(Enumerable.Range(0, 4).Select(i => $"t{i}\tu{i}\tz,c{i},d{i},y\n")));
        _tiny.Write(
            "more.json", File.ReadAllText(_tiny.In("safe.json")).Replace("kite", "ball", StringComparison.Ordinal));
    }

    /// <summary>The folder of everything.</summary>
    public string Folder => _tiny.Folder;

    /// <summary>What comes of a recipe.</summary>
    /// <param name="basis">One of <see cref="KeyRecipes"/>.</param>
    /// <param name="set">What is set in it, as on the command line, with spaces between.</param>
    /// <param name="look">What is looked at: numbers, report, answers, judged, kept, or way.</param>
    public string See(string basis, string set, string look) =>
        _seen.GetOrAdd($"{basis} {set} {look}", _ => new(() => Look(basis, set, look))).Value;

    public void Dispose() => _tiny.Dispose();

    private string Look(string basis, string set, string look)
    {
        var json = RecipeText.Parse(Encoding.UTF8.GetBytes(KeyRecipes.Of(basis)), basis);
        foreach (string assignment in set.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            RecipePath.Assign(
                json, assignment.Replace('~', ' ').Replace("FOLDER", Folder, StringComparison.Ordinal).Replace(
                    "SAFE", Hash("safe.json"), StringComparison.Ordinal));
        string path = _tiny.Write($"recipe-{Interlocked.Increment(ref _recipes)}.json", json.ToJsonString());
        string cache = look is "kept" or "way" ? path + ".cache" : _tiny.In("cache");
        try
        {
            return Run(RecipeFormat.Standard.Read(path), cache, look);
        }
        catch (InputException error)
        {
            return Refused + error.Message;
        }
    }

    private string Run(Recipe recipe, string cache, string look)
    {
        using var device = new CpuDevice(threads: 1);
        if (look == "judged")
            return string.Join(
                '\n', Judged(
                    ((HeldOutOptions)recipe.Evaluation!).Judge.Open<float>(Folder, device, WeightPrecision.Full)));
        var grid = new ExperimentGrid(recipe, RecipeFormat.Standard);
        var (trials, files) = (grid.Trials(), new DataFiles(Folder));
        var data = Preflight.Require(trials, files).Data;
        var plan = new StagePlan(trials, RecipeFormat.Standard, files, "cpu");
        var store = StageStore.Cache(cache);
        List<string> way = [];
        var outcome = ExperimentRun.Run(
            plan, store, [device], _ => way.Add(Checkpoints(cache)), CancellationToken.None);
        if (outcome.Failures is [var first, ..])
            throw first.Error;
        return look switch
        {
            "numbers" => string.Join(
                '\n', plan.Chains.SelectMany(chain => chain)
                    .Select(node => Numbers(outcome.Results[node.Hash], Path.Combine(cache, node.Hash)))),
            "answers" => string.Join('\n', plan.Nodes.SelectMany(store.AnswersOf)),
            "kept" => string.Join(
                '\n', plan.Nodes.Select(node => Directory.GetDirectories(Path.Combine(cache, node.Hash)).Length)),
            "way" => string.Join('\n', way.Distinct()),
            "report" =>
                Page(ExperimentReport.Of(grid, plan, outcome, data, RecipeFormat.Standard, null) is var report ? report with { Answers = SideBySide.Of(report, plan, store) } : null!),
            _ => throw new ArgumentException(look),
        };
    }

    /// <summary>What a judge says of right answers to the questions of a world.</summary>
    private static IEnumerable<Verdict> Judged(IJudge judge) =>
        new SyntheticWorld(1, new()).HarmfulTest.Take(4).Select(asked => judge.Judge(asked.Prompt, asked.Answer));

    /// <summary>The page without the sections that repeat the recipe.</summary>
    private static string Page(ExperimentReport report)
    {
        var document = ReportDocument.Of(Analysis.Of(report.WithoutTimes()));
        return HtmlPage.Of(document with { Sections = [.. document.Sections.Where(section => section.Title is not ("Settings" or "Data and machine"))] });
    }

    /// <summary>What was found in a stage, and the weights that it ended with.</summary>
    private static string Numbers(StageResult result, string folder)
    {
        var json = JsonSerializer.SerializeToNode(result, StageJson.Default.StageResult)!;
        Strip(json);
        var weights = Directory.EnumerateFiles(folder, "*.safetensors", SearchOption.AllDirectories)
            .Where(file => !StageCheckpoints.IsName(Path.GetFileName(file)));
        return $"{json.ToJsonString()} {string.Concat(weights.Order(StringComparer.Ordinal).Select(Weights))}";
    }

    private static void Strip(JsonNode? node)
    {
        if (node is JsonArray list)
            foreach (var item in list)
                Strip(item);
        if (node is not JsonObject group)
            return;
        foreach (var (key, value) in group.ToArray())
            if (Names.Contains(key))
                group.Remove(key);
            else
                Strip(value);
    }

    /// <summary>The hash of a file's numbers, without its header.</summary>
    private static string Weights(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        return Convert.ToHexString(SHA256.HashData(bytes.AsSpan(sizeof(long) + (int)BitConverter.ToInt64(bytes))));
    }

    private static string Checkpoints(string cache) => string.Join(
        ' ', Directory.EnumerateFiles(cache, "checkpoint-*", SearchOption.AllDirectories).Select(Path.GetFileName)
            .Order());

    private string Hash(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_tiny.In(file))));

    private static string Lines(int count, params Func<int, (string Key, string Value)>[] fields) => string.Concat(Enumerable.Range(0, count).Select(i =>
        new JsonObject(fields.Select(field => KeyValuePair.Create(field(i).Key, (JsonNode?)(bool.TryParse(field(i).Value, out bool flag) ? flag : field(i).Value)))).ToJsonString() + "\n"));

    /// <summary>Writes another model with the same tokenizer.</summary>
    private void Model(string folder, ulong seed, Func<string, string> name)
    {
        using var device = new CpuDevice(threads: 1);
        using var model = LanguageModel.Create<float>(
            ConfigReader.Parse(Encoding.UTF8.GetBytes(TinyExperiment.Config)), device, RandomStream.FromSeed(seed));
        model.Save(_tiny.In(folder));
        foreach (string file in Directory.GetFiles(_tiny.In("model"))
            .Where(file => !File.Exists(Path.Combine(_tiny.In(folder), Path.GetFileName(file)))))
            File.Copy(file, Path.Combine(_tiny.In(folder), Path.GetFileName(file)));
        SafetensorsWriter.Write(Path.Combine(_tiny.In(folder), "model.safetensors"),
            [.. model.Network.Parameters.Select(each => TensorData.Floats<float>(name(each.Name), TensorType.F32, [.. each.Dimensions], each.Value.Span.ToArray()))]);
    }

    /// <summary>Teaches a tokenizer a pair of letters.</summary>
    private void Merge(string folder, string left, string right)
    {
        string path = Path.Combine(_tiny.In(folder), "vocab.json");
        var vocabulary = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        vocabulary.Remove("!", out var id);         // the model has no row for one token more
        vocabulary[left + right] = id;
        File.WriteAllText(path, vocabulary.ToJsonString());
        File.AppendAllText(
            Path.Combine(_tiny.In(folder), "merges.txt"),
            string.Create(CultureInfo.InvariantCulture, $"{left} {right}\n"));
    }

    private void Adapter(string folder)
    {
        using var device = new CpuDevice(threads: 1);
        using var model = LanguageModel.Load<float>(_tiny.In("model"), device);
        Lora.Attach(model, new AdapterConfig(2, 4, TargetModules.AllLinear), RandomStream.FromSeed(1));
        foreach (var parameter in model.Trainable)
            parameter.Value.Span.Fill(0.1f);
        model.Adapter!.Save(_tiny.In(folder));
    }
}
