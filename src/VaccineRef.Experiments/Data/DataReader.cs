using System.Collections.Immutable;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Reads the data of one trial: rows are chosen, freed of overlaps with what is held out, encoded, and noted in the manifest.
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

    /// <summary>Prepares to read what a recipe names.</summary>
    /// <param name="recipe">The recipe of the trial.</param>
    /// <param name="files">Its files.</param>
    /// <param name="tokenizer">The tokenizer of its model.</param>
    public DataReader(Recipe recipe, DataFiles files, ITextTokenizer tokenizer)
    {
        (_recipe, _files, Tokenizer) = (recipe, files, tokenizer);
        Template = PromptTemplate.Get(recipe.Template);
        _encoder = new(() => new(tokenizer, Template, recipe.MaxLength, recipe.Boundary));
        _world = new(() => new(recipe.Seed, recipe.World!));                    // RecipeLimits: there where it is used
        _heldOut = new(() => [.. recipe.Evaluation?.HeldOut(this) ?? []]);
    }

    /// <summary>The seed of every draw.</summary>
    public ulong Seed => _recipe.Seed;

    /// <summary>The folder that paths are relative to.</summary>
    public string Folder => _files.Folder;

    /// <summary>The prompt template.</summary>
    public PromptTemplate Template { get; }

    /// <summary>The tokenizer of the model.</summary>
    public ITextTokenizer Tokenizer { get; }

    /// <summary>The synthetic world of this trial's seed.</summary>
    public SyntheticWorld World => _world.Value;

    /// <summary>Rows that no training may see.</summary>
    public ImmutableArray<Example> HeldOut => _heldOut.Value;

    /// <summary>What was read so far: files by hash, rows by id.</summary>
    public DataManifest Manifest => new([.. _sources], [.. _notes]);

    /// <summary>The data of a stage, without what is mixed in.</summary>
    /// <exception cref="InputException">A file, a row or a count is wrong.</exception>
    public StageData Stage(TrainStageOptions stage)
    {
        if (!_stages.TryGetValue(stage.Name, out var data))
            _stages.Add(stage.Name, data = stage.Data.Read(this, stage.Name));
        return data;
    }

    /// <summary>What a stage is trained on: its own data and what is mixed in.</summary>
    /// <exception cref="InputException">A file, a row or a count is wrong.</exception>
    public IReadOnlyList<TokenSequence> Training(TrainStageOptions stage)
    {
        var own = Stage(stage).Sequences;
        if (stage.MixedIn is not { } mixed)
            return own;
        var from = _recipe.Stages.OfType<TrainStageOptions>().First(each => each.Name == mixed.From);      // RecipeLimits: it is there
        return [.. own, .. Stage(from).Draw(mixed.Count)];
    }

    /// <summary>Rows that nothing is trained on.</summary>
    public ImmutableArray<Example> Test(string name, FileDataOptions? options)
    {
        if (options is null)
            return [];
        var rows = Chosen(name, options);
        Add(Describe(name, rows, options.Sampling));
        return rows;
    }

    /// <summary>The rows that the options choose.</summary>
    internal ImmutableArray<Example> Chosen(string name, FileDataOptions options)
    {
        var file = _files.Read(options);
        _sources.Add(file.Source);
        return options.Sampling.Take(file.Examples, options.Count > 0 ? options.Count : file.Examples.Length, Seed, name);
    }

    /// <summary>Rows as the model is trained on them; those without a counted label are left out and noted.</summary>
    internal IReadOnlyList<TokenSequence> Encode(
        string name, ImmutableArray<Example> rows, Sampling sampling, MixtureCounts? counts = null, int? overlap = null)
    {
        var encoded = _encoder.Value.Encode(rows);
        Add(Describe(name, rows, sampling) with { Mixture = counts, OverlapRemoved = overlap, Encoding = encoded.Report });
        return Sequences(encoded);
    }

    /// <summary>Rows as the model would be trained on them, without a note; those without a counted label are left out.</summary>
    internal IReadOnlyList<TokenSequence> Encode(IReadOnlyCollection<Example> rows) => Sequences(_encoder.Value.Encode(rows));

    /// <summary>Notes data that are made by code.</summary>
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
