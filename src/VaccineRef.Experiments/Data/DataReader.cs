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
    private readonly Lazy<ExampleEncoder> _encoder;
    private readonly Lazy<SyntheticWorld> _world;
    private readonly Lazy<ImmutableArray<Example>> _heldOut;
    private readonly Dictionary<string, StageData> _stages = [];
    private readonly List<DataStage> _notes = [];
    private readonly HashSet<SourceFile> _sources = [];

    /// <summary>Prepares for reading the data that a recipe names. Nothing is read yet.</summary>
    /// <param name="recipe">The recipe of the trial.</param>
    /// <param name="files">The data files of the recipe.</param>
    /// <param name="tokenizer">The tokenizer of the recipe's model.</param>
    public DataReader(Recipe recipe, DataFiles files, ITextTokenizer tokenizer)
    {
        (_recipe, _files, Tokenizer) = (recipe, files, tokenizer);
        Template = PromptTemplate.Get(recipe.Template);
        _encoder = new(() => new(tokenizer, Template, recipe.MaxLength, recipe.Boundary));
        // RecipeLimits made sure that it is not null if it is needed.
        _world = new(() => new(recipe.Seed, recipe.World!));
        _heldOut = new(() => [.. recipe.Evaluation?.HeldOut(this) ?? []]);
    }

    /// <summary>The seed of all random choices.</summary>
    public ulong Seed => _recipe.Seed;

    /// <summary>The folder that paths are relative to.</summary>
    public string Folder => _files.Folder;

    /// <summary>The prompt template of the recipe.</summary>
    public PromptTemplate Template { get; }

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

    /// <summary>
    /// The sequences that a stage is trained on: its own data, followed by the rows that are mixed in.
    /// </summary>
    /// <exception cref="InputException">A file, a row or a count is wrong.</exception>
    public IReadOnlyList<TokenSequence> Training(TrainStageOptions stage)
    {
        var own = Stage(stage).Sequences;
        if (stage.MixedIn is not { } mixed)
            return own;
        // RecipeLimits made sure that it exists.
        var from = _recipe.Stages.OfType<TrainStageOptions>().First(each => each.Name == mixed.From);
        return [.. own, .. Stage(from).Draw(mixed.Count)];
    }

    /// <summary>Reads rows that are only used for evaluation, and records them in the manifest.</summary>
    public ImmutableArray<Example> Test(string name, FileDataOptions? options)
    {
        if (options is null)
            return [];
        var rows = Chosen(name, options);
        Add(Describe(name, rows, options.Sampling));
        return rows;
    }

    /// <summary>Reads a file and takes the rows that the options ask for.</summary>
    internal ImmutableArray<Example> Chosen(string name, FileDataOptions options)
    {
        var file = _files.Read(options);
        _sources.Add(file.Source);
        return options.Sampling.Take(file.Examples, options.Count > 0 ? options.Count : file.Examples.Length, Seed, name);
    }

    /// <summary>
    /// Encodes rows for training, and records them in the manifest. Rows without a label that counts are left out, and
    /// the manifest says so.
    /// </summary>
    internal IReadOnlyList<TokenSequence> Encode(
        string name, ImmutableArray<Example> rows, Sampling sampling, MixtureCounts? counts = null, int? overlap = null)
    {
        var encoded = _encoder.Value.Encode(rows);
        Add(Describe(name, rows, sampling) with { Mixture = counts, OverlapRemoved = overlap, Encoding = encoded.Report });
        return Sequences(encoded);
    }

    /// <summary>
    /// Encodes rows as for training, but records nothing. Rows without a label that counts are left out.
    /// </summary>
    internal IReadOnlyList<TokenSequence> Encode(IReadOnlyCollection<Example> rows) => Sequences(_encoder.Value.Encode(rows));

    /// <summary>Records data that are made by code.</summary>
    internal void Note(string name, IReadOnlyCollection<string> texts) => Add(DataStage.Of(name, Seed, texts));

    private DataStage Describe(string name, ImmutableArray<Example> rows, Sampling sampling) =>
        DataStage.Of(name, Seed, [.. rows.Select(row => $"{row.Instruction}\n{row.Input}\n{row.Output}\n")]) with
        {
            Template = Template.Id,
            Sampling = sampling,
            Rows = [.. rows.Select(row => row.Id)],
        };

    private void Add(DataStage stage)
    {
        if (!_notes.Exists(note => note.Name == stage.Name))
            _notes.Add(stage);
    }

    private static TokenSequence[] Sequences(EncodedExamples encoded) =>
        [.. encoded.Examples.Select(row => new TokenSequence(row.Tokens, row.Labels, row.Id))];
}
