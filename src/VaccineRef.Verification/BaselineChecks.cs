using System.Numerics;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Verification;

/// <summary>
/// EWC: Fisher information, gradients with the penalty, training. KL: the first step. Its later numbers count padded
/// positions, whose queries see the real tokens but, by the mask, not themselves: packed rows have no such position,
/// and padding fed as tokens sees itself.
/// </summary>
internal sealed class BaselineChecks<T>(VerifyContext<T> context) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly string _name = context.Golden.Name;
    private readonly Bounds _bounds = context.Bounds;

    public IEnumerable<Comparison> Run() =>
    [
        .. context.Golden.Tensors("ewc") is { } file ? Ewc(file, context.Manifest["ewc"]["corrected"]) : [],
        .. context.Manifest.Find("kl") is { } kl ? Kl(kl) : [],
    ];

    private IEnumerable<Comparison> Ewc(SafetensorsFile file, ManifestNode expected)
    {
        using var model = context.Load();
        var trainable = VerifyContext<T>.Trainable(model);
        var loss = new CrossEntropyObjective<T>(model.Network);
        PackedBatch[] batches = [.. context.Golden.Batches("e").Select(name => context.Golden.Batch(name).Pack())];
        var fisher = FisherDiagonal<T>.Estimate(loss, trainable, batches, Variant.AsReleased, context.Device);
        using var objective = new EwcObjective<T>(loss, trainable, fisher, expected["lamb"].Number(), context.Device);
        var worst = new Worst();
        for (int i = 0; i < trainable.Count; i++)
            worst.Relative(
                context.Values(trainable[i], fisher.Values[i]), Values.Read(file, "fisher/" + trainable[i].Name),
                trainable[i].Name);
        List<Comparison> all =
        [
            worst.Compare(_name, "ewc Fisher information, as released", 2 * _bounds.Relative),      // of squares
            Gradient(model, objective, file, "b0", "first"),
            .. Trained(model, objective, expected, file, "corrected_param/", "ewc (corrected)"),
        ];
        GoToThirdStep(model, file);
        return [.. all, Gradient(model, objective, file, "b2", "third")];
    }

    /// <summary>At the teacher itself the divergence and its gradient are 0, whatever it runs over.</summary>
    private IEnumerable<Comparison> Kl(ManifestNode expected)
    {
        foreach (var (tag, form, title) in new[]
            { ("corrected_dimlast", Variant.Paper, "kl"), ("official_dim1", Variant.AsReleased, "kl as released") })
        {
            using var model = context.Load();
            using var objective = new KlObjective<T>(
                model.Network, VerifyContext<T>.Trainable(model), expected["lamb"].Number(), form, context.Device);
            var train = expected[tag]["train"];
            var step = train["steps"].Items()[0];
            var record = context.Train(model, objective, new Plain<T>(), context.Options(train, 1))[0];
            var worst = new Worst { Note = "later steps left out: their divergence counts padded positions, which packed rows do not have" };
            worst.Relative(record.Loss, step["loss"].Number(), "loss");
            worst.Relative(record.GradientNorm, step["param_grad_norm"].Number(), "gradient norm");
            worst.Relative(record.LearningRate, step["lr"].Number(), "learning rate");
            yield return worst.Compare(_name, $"{title}: first step", _bounds.Relative);
        }
    }

    private IEnumerable<Comparison> Trained(
        Model<T> model, IObjective<T> objective, ManifestNode expected, SafetensorsFile file, string prefix,
        string title)
    {
        var steps = expected["steps"].Items();
        var options = context.Options(expected, steps.Count);
        var parameters = new TrainedParameters<T>(context, model);
        var records = context.Train(model, objective, new Plain<T>(), options);
        yield return TrainingChecks<T>.Steps(context, title, steps, records);
        yield return parameters.Compare($"train {title}", expected, file, prefix, options.Optimizer.LearningRate);
    }

    /// <summary>The gradient of a batch, cross-entropy and penalty, at the present weights.</summary>
    private Comparison Gradient(
        Model<T> model, IObjective<T> objective, SafetensorsFile file, string batch, string step)
    {
        var trainable = VerifyContext<T>.Trainable(model);
        using var state = new TrainState<T>(context.Device, trainable, seed: 0);
        state.BeginStep();
        new Plain<T>().Accumulate(objective, context.Golden.Batch(batch).Pack(), state);
        var found = trainable.ToDictionary(
            parameter => parameter.Name, parameter => context.Values(parameter, parameter.Gradient));
        double whole = Values.NormOf(found.Values);
        var worst = new Worst();
        foreach (var (name, values) in found)
            worst.Relative(values, Values.Read(file, $"corrected_{step}_grad/{name}"), name, whole);
        return worst.Compare(_name, $"ewc {step} gradient", _bounds.Relative);
    }

    /// <summary>Puts the weights there that PyTorch had at its third step.</summary>
    private void GoToThirdStep(Model<T> model, SafetensorsFile file)
    {
        foreach (var parameter in VerifyContext<T>.Trainable(model))
            context.Device.Upload<T>(
                [.. VerifyContext<T>.Read(file, "corrected_third_param/", parameter).Select(T.CreateChecked)],
                parameter.Value);
    }
}
