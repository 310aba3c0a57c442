using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// Goes through one trial without computing anything: reads every file, chooses and encodes every row, opens the judge
/// and the model, attaches every adapter, and takes every stage's steps on a device that only counts.
/// </summary>
/// <param name="trial">The trial.</param>
/// <param name="files">The files of the recipe.</param>
/// <param name="shared">What this trial has in common with those before it.</param>
/// <param name="known">The stages that were gone through in other trials, by all that their data depend on.</param>
/// <param name="found">Told of everything that is wrong.</param>
internal sealed class TrialCheck<T>(
    Trial trial, DataFiles files, CommonData shared, Dictionary<object, StageForecast> known,
    Action<PlanProblem> found) : IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly DryDevice _device = new();
    private readonly Recipe _recipe = Light(trial.Recipe);
    private DataReader? _reader;
    private Model<T>? _model;
    private IEvaluation<T>? _evaluation;
    private bool _failed;

    private IEnumerable<StageOptions> Stages => _recipe.Stages.Where(stage => !stage.Skip);

    /// <summary>Checks everything.</summary>
    /// <param name="rehearse">Whether the needs of the stages are found too.</param>
    public TrialForecast Run(bool rehearse)
    {
        foreach (var (key, file) in Files())
            Try(key, () => files.Read(file));
        Try("model", () => _model = _recipe.Model.Load<T>(files.Folder, _device, RandomStream.FromSeed(trial.Seed)));
        Try("model", () => _reader = new(
            trial.Recipe, files, shared.Once(("tokenizer", _recipe.Model), () => _recipe.Model.Tokenizer(files.Folder)),
            shared));
        if (_model is not null)
            Adapters(_model);
        if (_failed || _reader is null)
            return new(new([], []), []);
        Try("evaluation", () => _evaluation = _recipe.Evaluation?.Open<T>(
            _reader, _recipe.Probed, _device, _recipe.Model.Kept, Alone.Only));
        int context = _recipe.Model.Shape(files.Folder).Context;
        foreach (var error in _evaluation?.BeyondContext(context) ?? [])
            Add("evaluation", error);
        var trained = Stages.Select(stage => Read(stage, context)).OfType<StageForecast>();
        StageForecast[] stages = [new(StageNode.Given, 0, [], [], 0, 0), .. trained];
        if (_failed)
            return new(_reader.Manifest, []);
        return new(
            _reader.Manifest,
            rehearse ? [.. stages.Zip(Rehearse(), (stage, needs) => stage with { Needs = needs })] : stages);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _evaluation?.Dispose();
        _model?.Dispose();
        _device.Dispose();
    }

    /// <summary>The same trial with as little of what only repeats as shows all that it needs.</summary>
    private static Recipe Light(Recipe recipe) => recipe with
    {
        Evaluation = recipe.Evaluation switch
        {
            null => null,
            HeldOutOptions held =>
                held with { Temperature = 0, ProjectedPrompts = 0, CurvePoints = Math.Min(1, held.CurvePoints) },
            var other => other with { ProjectedPrompts = 0, CurvePoints = Math.Min(1, other.CurvePoints) },
        },
    };

    private IEnumerable<(string Key, FileDataOptions File)> Files() =>
    [
        .. from stage in _recipe.Stages
           where !stage.Skip || stage == _recipe.Probed || IsMixedIn(stage)
           from part in stage.AllData()
           from each in part.Data.Files()
           select ($"{part.Key}{(each.Key.Length > 0 ? $".{each.Key}" : "")}", each.File),
        .. _recipe.Evaluation?.Files().Select(each => ($"evaluation.{each.Key}", each.File)) ?? [],
    ];

    private bool IsMixedIn(StageOptions stage) =>
        _recipe.Stages.OfType<TrainStageOptions>().Any(each => each.MixedIn?.From == stage.Name);

    private void Adapters(Model<T> model)
    {
        foreach (var stage in Stages.OfType<TrainStageOptions>())
            if (stage.Adapter is LoraOptions lora)
                Try($"{stage.Name}.adapter", () => Lora.Attach(model, lora.Config(), RandomStream.FromSeed(0))
                    .Dispose());
    }

    private StageForecast? Read(StageOptions options, int context)
    {
        if (options is not TrainStageOptions stage)
            return ReadOfEdit(options, context);
        object key = (
            (trial.Seed, _recipe.Model, _recipe.World, _recipe.Template),
            (_recipe.MaxLength, _recipe.Boundary, _recipe.Evaluation),
            (stage.Name, stage.Data, stage.Training));
        bool alone = !stage.NeedsReference && stage.MixedIn is null && stage.Streams is null;
        if (alone && known.TryGetValue(key, out var same))
            return same;
        StageForecast? forecast = null;
        bool failed = _failed;
        _failed = false;
        Try($"{stage.Name}.data", () =>
        {
            var rows = _reader!.Training(stage);
            foreach (var error in ContextLimit.Beyond(rows, context))
                Add($"{stage.Name}.data", error);
            foreach (string stream in stage.Streams?.Keys ?? [])
                foreach (var error in ContextLimit.Beyond(_reader.Stream(stage, stream), context))
                    Add($"{stage.Name}.streams.{stream}.data", error);
            if (stage.NeedsReference)
                _reader.Stage(_recipe.Before(stage)!);                            // RecipeLimits: it is there
            var work = StageWork.Of(stage.Training.For(RandomStream.FromSeed(trial.Seed).At(stage.Name).Key), rows);
            string[] cut = [.. rows.Where(IsCut).Select(row => row.Id!)];
            forecast = new(stage.Name, rows.Count, cut, Dropped(stage.Name), work.Tokens, work.Steps);
        });
        // what is wrong is said of every trial that it is wrong with
        if (alone && forecast is not null && !_failed)
            known[key] = forecast;
        _failed |= failed;
        return forecast;
    }

    private StageForecast ReadOfEdit(StageOptions options, int context)
    {
        if (options is EditStageOptions edit)
            foreach (var (stream, _) in edit.Streams())
                Try($"{edit.Name}.{stream}", () =>
                {
                    foreach (var error in ContextLimit.Beyond(_reader!.Stream(edit, stream), context))
                        Add($"{edit.Name}.{stream}", error);
                });
        return new(options.Name, 0, [], [], 0, 0);
    }

    // A row that was not cut ends in the end of text.
    private bool IsCut(TokenSequence row) =>
        row.Tokens.Length == _recipe.MaxLength && row.Tokens[^1] != _reader!.Tokenizer.EosId && row.Id is not null;

    private ImmutableArray<string> Dropped(string stage) =>
        _reader!.Manifest.Stages.FirstOrDefault(each => each.Name == stage)?.Encoding?.Dropped ?? [];

    private IEnumerable<StageNeeds> Rehearse()
    {
        foreach (var stage in Stages.Prepend<StageOptions?>(null))
        {
            _device.ForgetPeak();
            long weights = _model!.Bytes;
            var node = new StageNode(trial with { Recipe = _recipe }, stage, "", null);
            new StageComputation<T>(
                node, _device.Name, null, _device,
                _ => _recipe.Model.Load<T>(files.Folder, _device, RandomStream.FromSeed(trial.Seed)),
                _ => { }, default).Do(_model, _reader!, _evaluation);
            long trained = stage is TrainStageOptions ? _model.Trainable.Sum(parameter => parameter.Shape.Count) : 0;
            yield return new(trained, weights, _device.Peak, stage is null ? 0 : Kept(_model));
        }
    }

    private static long Kept(Model<T> model) =>
        model.Trainable
            .Sum(parameter => parameter.Shape.Count * (parameter.IsCompact ? sizeof(ushort) : Unsafe.SizeOf<T>()));

    private void Try(string key, Action work)
    {
        try
        {
            work();
        }
        catch (DataRowsException error)
        {
            foreach (var each in error.Each)
                Add(key, each);
        }
        catch (InputException error)
        {
            Add(key, error);
        }
    }

    private void Add(string key, InputException error)
    {
        _failed = true;
        found(new(key, error));
    }
}
