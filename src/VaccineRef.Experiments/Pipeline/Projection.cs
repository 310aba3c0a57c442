using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// Collects hidden embeddings of prompts before and after an attack, and lays them out in two dimensions.
/// </summary>
internal sealed class Projection<T>(IEvaluation<T> evaluation, Device device, int prompts)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Decimals = 4;
    private readonly List<(bool Harmful, bool Attacked, double[][] Points)> _groups = [];

    /// <summary>Looks at the model as it is now.</summary>
    public void Add(ILanguageModel<T> model, bool attacked)
    {
        foreach (bool harmful in (bool[])[true, false])
            if (evaluation.Prompts(harmful) is { Count: > 0 } questions)
                _groups.Add((harmful, attacked, Hidden(model, questions)));
    }

    /// <summary>The picture.</summary>
    public EmbeddingProjection Done()
    {
        var axes = new PrincipalAxes([.. _groups.SelectMany(group => group.Points)]);
        return new(axes.Explained,
        [
            .. _groups.Select(group => new EmbeddingCloud(group.Harmful, group.Attacked,
                [.. group.Points.Select(point => (double[])[.. axes.Project(point).Select(x => Math.Round(x, Decimals))])])),
        ]);
    }

    /// <summary>The last block's attention output at the end of each prompt.</summary>
    private double[][] Hidden(ILanguageModel<T> model, IReadOnlyList<int[]> questions)
    {
        var batch = PackedBatch.Pack([.. questions.Take(prompts)]);
        using var tape = new Tape<T>(device);
        var record = new Record<T>(SiteKind.AttentionOutput);
        model.Forward(new Pass<T>(tape, record), batch);
        var last = record.Hidden[^1].Value;
        var values = new T[last.Shape.Count];
        device.Download(last, values.AsSpan());
        return [.. batch.Offsets.Skip(1).Select(end =>
            values.Skip((end - 1) * last.Columns).Take(last.Columns).Select(value => double.CreateChecked(value))
                .ToArray())];
    }
}
