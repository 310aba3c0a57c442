using System.Collections.Immutable;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Reads the data of one trial. It chooses rows, removes from an attack's data the rows whose prompt is also held out,
/// encodes the rows, and records all of this in the manifest.
/// </summary>
public sealed class DataReader
{
    private readonly Recipe _recipe;
    private readonly DataFiles _files;
    private readonly CommonData _shared;
    private readonly Dictionary<(string Id, string? System), PromptTemplate> _templates = [];
    private readonly Lazy<SyntheticWorld> _world;
    private readonly Lazy<ImmutableArray<Example>> _heldOut;
    private readonly Dictionary<string, StageData> _stages = [];
    private readonly List<DataStage> _notes = [];
    private readonly HashSet<SourceFile> _sources = [];

    /// <summary>Prepares for reading the data that a recipe names. Nothing is read yet.</summary>
    /// <param name="recipe">The recipe of the trial.</param>
    /// <param name="files">The data files of the recipe.</param>
    /// <param name="tokenizer">The tokenizer of the recipe's model.</param>
    /// <param name="shared">What this trial has in common with others; null where it is read alone.</param>
    public DataReader(Recipe recipe, DataFiles files, ITextTokenizer tokenizer, CommonData? shared = null)
    {
        (_recipe, _files, Tokenizer, _shared) = (recipe, files, tokenizer, shared ?? new());
        // RecipeLimits made sure that it is not null if it is needed.
        _world =
            new(() => _shared.Once((recipe.Seed, recipe.World), () => new SyntheticWorld(recipe.Seed, recipe.World!)));
        _heldOut = new(() => [.. recipe.Evaluation?.HeldOut(this) ?? []]);
    }

    /// <summary>The seed of all random choices.</summary>
    public ulong Seed => _recipe.Seed;

    /// <summary>The folder that paths are relative to.</summary>
    public string Folder => _files.Folder;

    /// <summary>The template of a stage or an evaluation: its own, or that of the recipe.</summary>
    /// <param name="own">Its own; null for that of the recipe.</param>
    /// <param name="system">Its own system text; null for that of the recipe.</param>
    /// <exception cref="InputException">
    /// There is no such template, or it uses something that is not supported.
    /// </exception>
    public PromptTemplate Template(string? own = null, string? system = null)
    {
        string id = own ?? _recipe.Template;
        string? text = PromptTemplate.IsChat(id) ? system ?? _recipe.System : null;
        if (!_templates.TryGetValue((id, text), out var template))
            _templates.Add(
                (id, text), template = PromptTemplate.Get(id, text, name => _recipe.Model.Chat(Folder, name)));
        return template;
    }

    /// <summary>The tokenizer of the model.</summary>
    public ITextTokenizer Tokenizer { get; }

    /// <summary>The synthetic world that belongs to the seed of this trial.</summary>
    public SyntheticWorld World => _world.Value;

    /// <summary>
    /// The held-out rows. Rows that have one of their prompts are removed from the data of an attack.
    /// </summary>
    public ImmutableArray<Example> HeldOut => _heldOut.Value;

    /// <summary>What has been read so far: files by their hash, rows by their id.</summary>
    public DataManifest Manifest => new([.. _sources], [.. _notes]);

    /// <summary>The data of a stage, without the rows that are mixed in.</summary>
    /// <exception cref="InputException">A file, a row or a count is wrong.</exception>
    public StageData Stage(TrainStageOptions stage)
    {
        if (!_stages.TryGetValue(stage.Name, out var data))
            _stages.Add(stage.Name, data = stage.Data.Read(this, stage.Name));
        return data;
    }

    /// <summary>The sequences of a stage's stream.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="name">The stream, one of the stage's.</param>
    /// <exception cref="InputException">A file, a row or a count is wrong.</exception>
    public IReadOnlyList<TokenSequence> Stream(StageOptions stage, string name)
    {
        string key = StreamKey.Of(stage.Name, name);
        if (!_stages.TryGetValue(key, out var data))
            _stages.Add(key, data = stage.AllData().First(part => part.Name == key).Data.Read(this, key));
        return data.Sequences;
    }

    /// <summary>
    /// The sequences that a stage is trained on: its own data, followed by the rows that are mixed in.
    /// </summary>
    /// <exception cref="InputException">A file, a row or a count is wrong.</exception>
    public IReadOnlyList<TokenSequence> Training(TrainStageOptions stage)
    {
        var rows = Stage(stage).Sequences;
        if (stage.MixedIn is { } mixed)
        {
            // RecipeLimits made sure that it exists.
            var from = _recipe.Stages.OfType<TrainStageOptions>().First(each => each.Name == mixed.From);
            rows = [.. rows, .. Stage(from).Draw(mixed.Count)];
        }

        stage.Training.RequireMovement(rows.Count, $"{stage.Name}.training");
        return rows;
    }

    /// <summary>Rows that nothing is trained on.</summary>
    /// <param name="name">What is tested.</param>
    /// <param name="options">The file; no rows where it is null.</param>
    /// <param name="kind">Which rows are taken, where the file says what they are.</param>
    /// <param name="template">The template of the prompts; that of the recipe where it is null.</param>
    /// <exception cref="InputException">A file, a row or a count is wrong.</exception>
    public ImmutableArray<Example> Test(
        string name, FileDataOptions? options, RowKind kind = RowKind.Any, PromptTemplate? template = null)
    {
        if (options is null)
            return [];
        var pool = Pool(name, options, kind, prompts: true);
        var counts = pool.Counts.After(Asked(pool, options.Count), pool.Rows.Length, dropped: 0);
        Add(Describe(name, template ?? Template(), pool.Rows, options.Sampling) with { Pools = [counts] });
        return pool.Rows;
    }

    /// <summary>
    /// Which rows a stage takes, where their file says what they are: the safe ones before the attack, where a model is
    /// aligned; any in a stage whose role is not known.
    /// </summary>
    internal RowKind KindOf(string stage) => StreamKey.Is(stage)
        ? StreamKey.KindOf(stage)
        : _recipe.Stages.TakeWhile(each => each.Name != _recipe.Report.Attack).Any(each => each.Name == stage)
            ? RowKind.Safe
            : RowKind.Any;

    /// <summary>The rows that the options choose, to be trained on.</summary>
    internal RowPool Chosen(string name, FileDataOptions options, RowKind kind) =>
        options.Task == TaskPreset.Prompts.Id
            ? throw new DataException(
                "prompts without answers cannot be trained on", options.Path,
                found: $"the task '{options.Task}' for {name} rows",
                expected: "a task whose rows have answers",
                remedy: "use such a file as the harmful file of an evaluation")
            : Pool(name, options, kind, prompts: false);

    /// <summary>Whether something of a row is left to learn with a template.</summary>
    /// <exception cref="OperationCanceledException">The reading was stopped.</exception>
    internal bool Fits(Example row, PromptTemplate template)
    {
        _files.Cancel.ThrowIfCancellationRequested();
        return Encoder(template).Fits(row);
    }

    /// <summary>The template of a stage, and of its streams.</summary>
    internal PromptTemplate TemplateOf(string stage)
    {
        var options = _recipe.Stages.OfType<TrainStageOptions>()
            .FirstOrDefault(each => each.Name == StreamKey.Stage(stage));
        return Template(options?.Template, options?.System);
    }

    /// <summary>
    /// All rows of a pool as the model is trained on them; those without a counted label are left out and noted.
    /// </summary>
    internal IReadOnlyList<TokenSequence> Encode(RowPool pool, int count, Sampling sampling)
    {
        var template = TemplateOf(pool.Counts.Name);
        var encoded = Encoder(template).Encode(pool.Rows, _files.Cancel);
        var counts = pool.Counts.After(Asked(pool, count), pool.Rows.Length, encoded.Report.Dropped.Length);
        Add(Describe(counts.Name, template, pool.Rows, sampling) with
        {
            Encoding = encoded.Report,
            Pools = [counts],
            OverlapKept = PromptOverlap.Remove(pool.Rows, HeldOut).Removed.Length,
        });
        return Sequences(encoded);
    }

    /// <summary>The rows of a mixture as the model is trained on them.</summary>
    internal IReadOnlyList<TokenSequence> Encode(string name, Mixture mixture, Sampling sampling)
    {
        var template = TemplateOf(name);
        var encoded = Encoder(template).Encode(mixture.Examples, _files.Cancel);
        Add(Describe(name, template, mixture.Examples, sampling) with
        {
            Mixture = mixture.Counts,
            OverlapRemoved = mixture.Pools.Sum(pool => pool.HeldOut),
            Encoding = encoded.Report with { Dropped = Ids(mixture.Dropped) },
            Pools = mixture.Pools,
        });
        return Sequences(encoded);
    }

    /// <summary>Some of the rows of a stage, for another that mixes them in.</summary>
    internal IReadOnlyList<TokenSequence> Guard(
        string stage, ImmutableArray<Example> rows, int count, Sampling sampling)
    {
        var template = TemplateOf(stage);
        var drawn = RowPool.Of("guard", rows).Draw(sampling, count, Seed, row => Fits(row, template));
        var encoded = Encoder(template).Encode(drawn.Rows, _files.Cancel);
        Add(Describe("guard", template, drawn.Rows, sampling) with
        {
            Encoding = encoded.Report with { Dropped = Ids(drawn.Dropped) },
            Pools = [drawn.Counts],
        });
        return Sequences(encoded);
    }

    /// <summary>
    /// Encodes rows as for training, but records nothing. Rows without a label that counts are left out.
    /// </summary>
    internal IReadOnlyList<TokenSequence> Encode(IReadOnlyCollection<Example> rows, PromptTemplate template) =>
        Sequences(Encoder(template).Encode(rows, _files.Cancel));

    /// <summary>Records data that are made by code.</summary>
    internal void Note(DataStage texts) => Add(texts);

    /// <summary>What is made of the world of this trial, once for all trials that have it.</summary>
    internal TMade OfWorld<TMade>(object of, Func<TMade> make)
        where TMade : class => _shared.Once((Seed, _recipe.World, of), make);

    private ExampleEncoder Encoder(PromptTemplate template) => _shared.Once(
        (Tokenizer, template.Id, _recipe.MaxLength, _recipe.Boundary),
        () => new ExampleEncoder(Tokenizer, template, _recipe.MaxLength, _recipe.Boundary));

    private DataStage Describe(string name, PromptTemplate template, ImmutableArray<Example> rows, Sampling sampling) =>
        DataStage.Of(name, Seed, [.. rows.Select(row => row.Written)]) with
        {
            Template = template.Id,
            Sampling = sampling,
            Rows = Ids(rows),
        };

    private RowPool Pool(string name, FileDataOptions options, RowKind kind, bool prompts)
    {
        var file = _files.Read(options);
        _sources.UnionWith(file.Sources);
        return RowPool.Of(name, file, kind, prompts).Limit(options.Count, options.Sampling, Seed);
    }

    private static int Asked(RowPool pool, int count) => count > 0 ? count : pool.Rows.Length;

    /// <summary>The ids of rows; where two files have one name, with the beginning of the file's hash.</summary>
    private ImmutableArray<string> Ids(IEnumerable<Example> rows)
    {
        var names = _sources.DistinctBy(file => file.Sha256).CountBy(file => file.Name).Where(name => name.Value > 1);
        var twice = names.Select(name => name.Key).ToHashSet();
        string Id(Example row) => row.Id.LastIndexOf(':') is >= 0 and var end && row.File.Length > 0
            && twice.Contains(row.Id[..end])
            ? $"{row.Id[..end]}@{row.File[..8]}{row.Id[end..]}"
            : row.Id;
        return [.. rows.Select(Id)];
    }

    private void Add(DataStage stage)
    {
        if (!_notes.Exists(note => note.Name == stage.Name))
            _notes.Add(stage);
    }

    private static TokenSequence[] Sequences(EncodedExamples encoded) =>
        [.. encoded.Examples.Select(row => new TokenSequence(row.Tokens, row.Labels, row.Id))];
}
