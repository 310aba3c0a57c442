using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// A stage of one or more trials. Trials that begin alike share the node, and with it the work.
/// </summary>
/// <param name="Trial">The first trial that goes through it.</param>
/// <param name="Stage">What is done; null for the model as it is given.</param>
/// <param name="Hash">SHA-256 of everything that determines what is found.</param>
/// <param name="Parent">The stage before; null for the model as it is given.</param>
public sealed record StageNode(Trial Trial, StageOptions? Stage, string Hash, StageNode? Parent)
{
    /// <summary>The name of the model as it is given, in the place of a stage's name.</summary>
    public const string Given = "model";

    /// <summary>The stage's name.</summary>
    public string Name => Stage?.Name ?? Given;

    /// <summary>The recipe with all choices made.</summary>
    public Recipe Recipe => Trial.Recipe;

    /// <summary>Whether the stage is the trial's attack.</summary>
    public bool IsAttack => Stage is not null && Stage.Name == Recipe.Attack?.Name;

    /// <summary>How many stages lie before it.</summary>
    public int Level => Parent is null ? 0 : Parent.Level + 1;

    /// <summary>This stage, and those before it, the model as it is given last.</summary>
    internal IEnumerable<StageNode> Line => Parent is null ? [this] : Parent.Line.Prepend(this);

    /// <summary>What the model is that the stage's adapter is attached to, in words.</summary>
    internal string AdapterBase
    {
        get
        {
            string model = $"the model {Recipe.Model.Label()}";
            string[] stages =
            [
                .. AdapterFrom.Parent!.Line.Select(before => before.Stage).OfType<StageOptions>()
                    .Reverse().Select(stage =>
                    stage is TrainStageOptions { Adapter: not null }
                        ? $"{stage.Name} (adapter, merged)"
                        : $"{stage.Name} (all weights)"),
            ];
            return stages.Length == 0 ? model : $"{model} after {string.Join(", then ", stages)}";
        }
    }

    /// <summary>
    /// The stage that made the adapter which this one ends with: this one, unless it goes on with the one before.
    /// </summary>
    internal StageNode AdapterFrom =>
        Stage is TrainStageOptions { Adapter: SameAdapterOptions } ? Parent!.AdapterFrom : this;
}

/// <summary>
/// The stages of all trials, each once, and what they are kept under: SHA-256 of the settings that bear on a stage, of
/// the data and models it reads, and of the hash of the stage before. What only names things is not in it.
/// </summary>
public sealed class StagePlan
{
    /// <summary>Goes up whenever the program finds other numbers for the same settings.</summary>
    public const int NumericVersion = 4;

    private static readonly string[] InText = ["template", "system", "max_length", "boundary", "world", "evaluation"];

    private readonly RecipeFormat _format;
    private readonly int _ranks;
    private readonly Dictionary<string, StageNode> _nodes = [];
    private readonly HashSet<string> _parents = [];
    private readonly ulong[] _seeds;

    /// <summary>Plans trials.</summary>
    /// <param name="trials">The trials.</param>
    /// <param name="format">What recipes can name.</param>
    /// <param name="files">The files of the recipe.</param>
    /// <param name="arithmetic">The device and the precision of its products, on which the last bits depend.</param>
    /// <param name="ranks">Among how many ranks the micro-batches of a step are divided.</param>
    /// <exception cref="InputException">A file of the recipe cannot be read.</exception>
    public StagePlan(
        IReadOnlyList<Trial> trials, RecipeFormat format, DataFiles files, string arithmetic, int ranks = 1)
    {
        (Trials, _format, Files, Arithmetic, _ranks) = (trials, format, files, arithmetic, ranks);
        _seeds = [.. trials.Select(trial => trial.Seed).Distinct()];
        foreach (var trial in trials)
            RecordedFiles.Require(trial.Recipe, format, files);
        Chains = [.. trials.Select(Chain)];
    }

    /// <summary>The trials.</summary>
    public IReadOnlyList<Trial> Trials { get; }

    /// <summary>The files of the recipe.</summary>
    public DataFiles Files { get; }

    /// <summary>The device and the precision of its products, on which the last bits depend.</summary>
    public string Arithmetic { get; }

    /// <summary>The stages of each trial, in order, the model as it is given first.</summary>
    public IReadOnlyList<IReadOnlyList<StageNode>> Chains { get; }

    /// <summary>Every stage once, each behind the one it begins with.</summary>
    public IReadOnlyCollection<StageNode> Nodes => _nodes.Values;

    /// <summary>Whether other stages begin with this one.</summary>
    private bool HasChildren(StageNode node) => _parents.Contains(node.Hash);

    /// <summary>Whether a stage's model is kept: others begin with it, or the recipe asks for it.</summary>
    public bool Keeps(StageNode node)
    {
        var keep = node.Recipe.Keep;
        return HasChildren(node)
            || (keep.Stages.Contains(node.Name)
                && (keep.Seeds == 0 || _seeds.Take(keep.Seeds).Contains(node.Trial.Seed)));
    }

    private StageNode[] Chain(Trial trial)
    {
        var json = _format.ToJson(trial.Recipe);
        var chain = new List<StageNode> { Node(trial, null, null, Given(json)) };
        foreach (var stage in trial.Recipe.Stages.Where(stage => !stage.Skip))
            chain.Add(Node(trial, stage, chain[^1], Key(json, trial.Recipe, stage)));
        return [.. chain];
    }

    private StageNode Node(Trial trial, StageOptions? stage, StageNode? parent, JsonObject key)
    {
        key["parent"] = parent?.Hash;
        Identify(key);
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key.ToJsonString())));
        if (!_nodes.TryGetValue(hash, out var node))
            _nodes.Add(hash, node = new(trial, stage, hash, parent));
        if (parent is not null)
            _parents.Add(parent.Hash);
        return node;
    }

    private JsonObject Given(JsonObject recipe)
    {
        var key = new JsonObject { ["version"] = NumericVersion, ["arithmetic"] = Arithmetic };
        foreach (string name in (string[])["precision", "seed", "model", .. InText])
            key[name] = recipe[name]?.DeepClone();
        key["probe"] = Probe(recipe);
        return key;
    }

    /// <summary>What bears on a stage besides the stage that it begins with.</summary>
    private JsonObject Key(JsonObject recipe, Recipe options, StageOptions stage)
    {
        var key = (JsonObject)StageOf(recipe, stage.Name)!.DeepClone();
        key.Remove("skip");
        key["is_attack"] = options.Attack?.Name == stage.Name;
        if (stage is not TrainStageOptions train)
            return key;
        Divided(key, train);
        if (train.NeedsReference)
            key["reference"] = Rows(StageOf(recipe, options.Before(stage)?.Name));
        if (train.MixedIn is { } mixed)
            key["mixed_in_data"] = Rows(StageOf(recipe, mixed.From));
        return key;
    }

    /// <summary>
    /// What bears on how the micro-batches of a step go together. With one in each step there is one ball, whatever it
    /// is called. With several, their gradients are formed from zero and added in order; earlier versions accumulated
    /// them in place, and rounded otherwise. The number of ranks bears on a ball for each rank alone.
    /// </summary>
    private void Divided(JsonObject key, TrainStageOptions train)
    {
        const string Norm = "norm";
        if (key["rule"] is not JsonObject rule)
            return;
        if (train.Training.Accumulation > 1)
            key["micro_batches"] = "in order";
        string? norm = rule[Norm]?.ToString();
        bool isOneBall = train.Training.Accumulation == 1 && norm is "world" or "rank" or "batch";
        if (isOneBall && train.Rule is RandomDirectionOptions)
            rule.Remove(Norm);
        else if (isOneBall)
            rule[Norm] = "batch";
        else if (norm == "rank" && _ranks > 1)
            key["ranks"] = _ranks;
    }

    private static JsonNode? Probe(JsonObject recipe)
    {
        string attack = recipe["report"]!["attack"]!.ToString();
        return recipe["stages"]!.AsArray().TakeWhile(stage => stage!["name"]!.ToString() != attack)
            .LastOrDefault(stage => stage!["data"] is not null) is { } probed ? Rows(probed) : null;
    }

    /// <summary>
    /// What a stage's rows are made of: its data, and the template and system text that it has of its own.
    /// </summary>
    private static JsonNode? Rows(JsonNode? stage)
    {
        var data = stage?["data"]?.DeepClone();
        foreach (string own in (string[])["template", "system"])
            if (data is JsonObject rows && stage![own] is { } value)
                rows[own] = value.DeepClone();
        return data;
    }

    private static JsonNode? StageOf(JsonObject recipe, string? name) =>
        recipe["stages"]!.AsArray().FirstOrDefault(stage => stage!["name"]!.ToString() == name);

    /// <summary>
    /// Puts the hash of what is read in the place of every path, so that it does not matter where files lie.
    /// </summary>
    private void Identify(JsonNode? node) => RecipePath.Map(node, Files.Hash);
}
