using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Verification;

/// <summary>
/// Recomputes golden cases, numbers that PyTorch and the official trainer produced, and says how far ours are from
/// them.
/// </summary>
/// <typeparam name="T">The precision to compute in.</typeparam>
public sealed class GoldenVerifier<T>(Device device) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>
    /// The case folders under <paramref name="folder"/>: those that hold a manifest.json, itself included.
    /// </summary>
    /// <exception cref="InputException">There is none.</exception>
    public static IReadOnlyList<string> Cases(string folder)
    {
        if (!Directory.Exists(folder))
            throw new InputException(
                "there is no such folder", folder, remedy: "--golden takes a folder of golden cases");
        string[] cases =
        [
            .. Directory.EnumerateFiles(folder, "manifest.json", SearchOption.AllDirectories)
                .Select(path => Path.GetDirectoryName(path)!).Order(StringComparer.Ordinal),
        ];
        return cases.Length > 0
            ? cases
            : throw new InputException(
                "there is no golden case", folder, "no manifest.json below it",
                "case folders, each with a manifest.json");
    }

    /// <summary>Recomputes everything the case holds.</summary>
    /// <exception cref="InputException">
    /// A file is missing or damaged, or lacks what the layout of a case asks for.
    /// </exception>
    public IReadOnlyList<Comparison> Verify(string caseFolder)
    {
        using var golden = new GoldenCase(caseFolder);
        var dtype = golden.Manifest["dtype"];
        bool single = dtype.Text() switch
        {
            "f32" => true,
            "f64" => typeof(T) == typeof(float),
            var other => throw dtype.Wrong(other, "f64 or f32"),
        };
        var context = new VerifyContext<T>(golden, device, single ? Bounds.Float : Bounds.Double);
        IEnumerable<Comparison> all =
            [
                .. new ForwardChecks<T>(context).Run(), .. new GradientChecks<T>(context).Run(),
                .. new TrainingChecks<T>(context).Run(),
                .. new BaselineChecks<T>(context).Run(),
            ];
        return [.. all];
    }
}

/// <summary>What the checks of one case share.</summary>
internal sealed class VerifyContext<T>(GoldenCase golden, Device device, Bounds bounds)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public GoldenCase Golden { get; } = golden;

    public Device Device { get; } = device;

    public Bounds Bounds { get; } = bounds;

    public ManifestNode Manifest => Golden.Manifest;

    /// <summary>The case's model as it stands on disk, its adapter attached.</summary>
    public Model<T> Load()
    {
        var model = LanguageModel.Load<T>(Golden.Folder, Device);
        if (Golden.IsLora)
            Lora.Load(model, Golden.Folder);
        return model;
    }

    /// <summary>What the case trains: the adapter, or everything.</summary>
    public static IReadOnlyList<Parameter<T>> Trainable(Model<T> model) => model.Trainable;

    /// <summary>How the case trains.</summary>
    public TrainOptions Options(ManifestNode expected, int steps)
    {
        var optimizer = Manifest["optimizer"];
        if (optimizer["betas"].Items() is not [var beta1, var beta2])
            throw optimizer["betas"].Wrong($"{optimizer["betas"].Items().Count} numbers", "two numbers");
        var adamW = new AdamWOptions(
            optimizer["lr"].Number(), optimizer["weight_decay"].Number(), beta1.Number(), beta2.Number(),
            optimizer["eps"].Number(), optimizer["max_grad_norm"].Number());
        return expected.Find("warmup_ratio") is { } warmup
            ? new(
                1, adamW, MaxSteps: steps, Schedule: ScheduleKind.Cosine, WarmupRatio: warmup.Number(), Shuffle: false)
            : new(1, adamW, MaxSteps: steps, Shuffle: false);
    }

    /// <summary>
    /// Trains on the batches b0, b1, ... in turn: a batch is the sequences of one golden batch, whatever their number.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="objective">What is minimised.</param>
    /// <param name="rule">How a batch becomes gradients.</param>
    /// <param name="options">The settings; of the steps, how many.</param>
    public List<StepRecord> Train(
        Model<T> model, IObjective<T> objective, IGradientRule<T> rule, TrainOptions options)
    {
        var batches = Golden.Batches("b").Select(name => Golden.Batch(name).Sequences()).ToArray();
        var trainer = new Trainer<T>(
            Device, Trainable(model), objective, rule, options with { BatchSize = batches[0].Count });
        List<StepRecord> records = [];
        trainer.Run(
            [.. Enumerable.Range(0, options.MaxSteps).SelectMany(step => batches[step % batches.Length])], records.Add);
        return records;
    }

    public double[] Values(View<T> view)
    {
        var values = new T[view.Shape.Count];
        Device.Download(view, values.AsSpan());
        return [.. values.Select(double.CreateChecked)];
    }

    /// <summary>The golden values that a parameter is to take.</summary>
    /// <exception cref="InputException">They have other extents than the parameter.</exception>
    public static double[] Read(SafetensorsFile file, string prefix, Parameter<T> parameter)
    {
        var entry = file.Entry(prefix + parameter.Name);
        return entry.Shape.SequenceEqual(parameter.Dimensions)
            ? Verification.Values.Read(file, entry.Name).Numbers
            : throw new InputException(
                "a golden tensor has another shape than the model", $"{file.Path}, tensor {entry.Name}", $"{entry}",
                $"[{string.Join(", ", parameter.Dimensions)}]");
    }

    /// <summary>A parameter's numbers (or its gradient's) with the extents of the checkpoint.</summary>
    public Values Values(Parameter<T> parameter, View<T> view) => new(Values(view), [.. parameter.Dimensions]);
}
