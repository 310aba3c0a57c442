using System.Collections.Immutable;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Runs;

/// <summary>
/// The data of a recipe, read, chosen, freed of overlaps, encoded, and written down. Everything that can be wrong with it is
/// wrong here, before anything is trained.
/// </summary>
public sealed class ExperimentData
{
    private readonly Recipe _recipe;
    private readonly string _folder;
    private readonly ExampleEncoder _encoder;
    private readonly Dictionary<string, DataSet> _files = [];
    private readonly List<DataStage> _stages = [];

    /// <summary>Reads what the recipe names.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="folder">The folder that its paths are relative to.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <exception cref="InputException">A file, a row, a count or a setting is wrong.</exception>
    public ExperimentData(Recipe recipe, string folder, ITextTokenizer tokenizer)
    {
        (_recipe, _folder) = (recipe, folder);
        Template = PromptTemplate.Get(recipe.Template);
        _encoder = new ExampleEncoder(tokenizer, Template, recipe.MaxLength, recipe.Boundary);
        HarmfulTest = Test("harmful evaluation", recipe.Evaluation.Harmful);
        TaskTest = Test("task evaluation", recipe.Evaluation.Task);
        AlignmentRows = recipe.Alignment is { } aligned ? Chosen("alignment", aligned.Data) : [];
        Alignment = recipe.Alignment is { } alignment ? Train("alignment", AlignmentRows, alignment.Data) : [];
        Attack = recipe.Attack is { } attack ? [.. Mix(attack), .. Guards(attack, recipe.Alignment?.Data)] : [];
        Manifest = new([.. _files.Values.Select(file => file.Source).Distinct()], [.. _stages]);
    }

    /// <summary>The prompt template.</summary>
    public PromptTemplate Template { get; }

    /// <summary>Safe rows.</summary>
    public ImmutableArray<Example> AlignmentRows { get; }

    /// <summary>Safe rows, encoded.</summary>
    public IReadOnlyList<TokenSequence> Alignment { get; }

    /// <summary>The user's rows, encoded.</summary>
    public IReadOnlyList<TokenSequence> Attack { get; }

    /// <summary>Harmful instructions.</summary>
    public ImmutableArray<Example> HarmfulTest { get; }

    /// <summary>Held-out rows of the user's task.</summary>
    public ImmutableArray<Example> TaskTest { get; }

    /// <summary>Files by hash, rows by id.</summary>
    public DataManifest Manifest { get; }

    /// <summary>Rows as the model would be trained on them, in their order; those without a counted label are left out.</summary>
    public IReadOnlyList<TokenSequence> Encode(IReadOnlyCollection<Example> rows) => Sequences(_encoder.Encode(rows));

    private ImmutableArray<Example> Test(string name, DataChoice? choice)
    {
        if (choice is null)
            return [];
        var rows = Chosen(name, choice);
        _stages.Add(new(name, Template.Id, choice.Sampling, _recipe.Seed, null, null, null, [.. rows.Select(row => row.Id)]));
        return rows;
    }

    private TokenSequence[] Mix(AttackStage attack)
    {
        var held = HarmfulTest.Concat(TaskTest).ToArray();
        PromptOverlap harmful = PromptOverlap.Remove(Chosen("harmful", attack.Harmful), held);
        PromptOverlap benign = PromptOverlap.Remove(Chosen("benign", attack.Benign), held);
        var mixture = Mixture.Compose(
            harmful.Kept, benign.Kept, attack.HarmfulRatio, attack.Samples, attack.Sampling, _recipe.Seed);
        return Encode(
            "attack", mixture.Examples, attack.Sampling, mixture.Counts, harmful.Removed.Length + benign.Removed.Length);
    }

    /// <summary>VLGuard: alignment rows beside the user's.</summary>
    private TokenSequence[] Guards(AttackStage attack, DataChoice? choice) =>
        Defenses.Guards(attack.Defense) is var count and > 0
        ? Train("guard", choice!.Sampling.Take(Chosen("alignment", choice), count, _recipe.Seed, "guard"), choice)
        : [];

    private TokenSequence[] Train(string name, ImmutableArray<Example> rows, DataChoice choice) =>
        Encode(name, rows, choice.Sampling, null, null);

    private TokenSequence[] Encode(
        string name, ImmutableArray<Example> rows, Sampling sampling, MixtureCounts? counts, int? overlap)
    {
        var encoded = _encoder.Encode(rows);
        _stages.Add(new(name, Template.Id, sampling, _recipe.Seed, counts, overlap, encoded.Report, [.. rows.Select(row => row.Id)]));
        if (encoded.Examples.IsEmpty)
            throw new DataException(
                $"no row of the {name} data has a counted label", found: $"{rows.Length} rows, all longer than max_length before their answer",
                expected: "at least one", remedy: "raise max_length");
        return Sequences(encoded);
    }

    private static TokenSequence[] Sequences(EncodedExamples encoded) =>
        [.. encoded.Examples.Select(row => new TokenSequence(row.Tokens, row.Labels, row.Id))];

    private ImmutableArray<Example> Chosen(string name, DataChoice choice)
    {
        var all = Read(choice).Examples;
        return choice.Sampling.Take(all, choice.Count > 0 ? choice.Count : all.Length, _recipe.Seed, name);
    }

    private DataSet Read(DataChoice choice)
    {
        string path = Path.GetFullPath(Path.Combine(_folder, choice.Path));
        var preset = choice.Fields is { } fields ? TaskPreset.From(fields) : TaskPreset.Get(choice.Task!);      // RecipeLimits: one of them
        string key = $"{path}|{preset.Id}|{choice.Fields}|{choice.Format}";
        if (!_files.TryGetValue(key, out var file))
            _files.Add(key, file = DataSet.Read(path, preset, choice.Format));
        return file;
    }
}
