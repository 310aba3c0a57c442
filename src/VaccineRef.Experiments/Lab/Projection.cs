using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Lab;

/// <summary>Collects hidden embeddings of prompts before and after an attack and lays them out in two dimensions.</summary>
internal sealed class Projection(ILabMaterial material, Device device, int prompts)
{
    private const int Decimals = 4;
    private readonly List<(bool Harmful, bool Attacked, double[][] Points)> _groups = [];

    /// <summary>Looks at the model as it is now.</summary>
    public void Add(ILanguageModel<float> model, bool attacked)
    {
        foreach (bool harmful in (bool[])[true, false])
            if (material.Prompts(harmful) is { Count: > 0 } questions)
                _groups.Add((harmful, attacked, Hidden(model, questions)));
    }

    /// <summary>The picture.</summary>
    public LabProjection Done()
    {
        var axes = new PrincipalAxes([.. _groups.SelectMany(group => group.Points)]);
        return new(axes.Explained,
        [
            .. _groups.Select(group => new LabCloud(group.Harmful, group.Attacked,
                [.. group.Points.Select(point => (double[])[.. axes.Project(point).Select(x => Math.Round(x, Decimals))])])),
        ]);
    }

    /// <summary>The last block's attention output at the end of each prompt.</summary>
    private double[][] Hidden(ILanguageModel<float> model, IReadOnlyList<int[]> questions)
    {
        var batch = PackedBatch.Pack([.. questions.Take(prompts)]);
        using var tape = new Tape<float>(device);
        var record = new Record<float>(SiteKind.AttentionOutput);
        model.Forward(new Pass<float>(tape, record), batch);
        var last = record.Hidden[^1].Value;
        var values = new float[last.Shape.Count];
        device.Download(last, values.AsSpan());
        return [.. batch.Offsets.Skip(1).Select(end =>
            values.Skip((end - 1) * last.Columns).Take(last.Columns).Select(value => (double)value).ToArray())];
    }
}
