using System.Numerics;
using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Verification;

/// <summary>
/// Recomputes golden cases, numbers that PyTorch and the official trainer produced, and says how far ours are from them.
/// </summary>
/// <typeparam name="T">The precision to compute in.</typeparam>
public sealed class GoldenVerifier<T>(Device device) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The case folders under <paramref name="folder"/>: those that hold a manifest.json, itself included.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static IReadOnlyList<string> Cases(string folder)
    {
        if (!Directory.Exists(folder))
            throw new InputException("there is no such folder", folder, remedy: "--golden takes a folder of golden cases");
        string[] cases =
        [
            .. Directory.EnumerateFiles(folder, "manifest.json", SearchOption.AllDirectories)
                .Select(path => Path.GetDirectoryName(path)!).Order(StringComparer.Ordinal),
        ];
        return cases.Length > 0
            ? cases
            : throw new InputException("there is no golden case", folder, "no manifest.json below it", "case folders, each with a manifest.json");
    }

    /// <summary>Recomputes everything the case holds.</summary>
    /// <exception cref="InputException">A file is missing or damaged, or lacks what the layout of a case asks for.</exception>
    public IReadOnlyList<Comparison> Verify(string caseFolder)
    {
        try
        {
            return Recompute(caseFolder);
        }
        catch (KeyNotFoundException error)
        {
            throw new InputException(
                "a golden case lacks a number or a tensor", caseFolder, error.Message, "the layout of the golden folder's README", inner: error);
        }
    }

    private IReadOnlyList<Comparison> Recompute(string caseFolder)
    {
        using var golden = new GoldenCase(caseFolder);
        bool single = typeof(T) == typeof(float) || golden.Manifest.GetProperty("dtype").GetString() == "f32";
        var context = new VerifyContext<T>(golden, device, single ? Bounds.Float : Bounds.Double);
        IEnumerable<Comparison> all =
            [
                .. new ForwardChecks<T>(context).Run(), .. new GradientChecks<T>(context).Run(), .. new TrainingChecks<T>(context).Run(),
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

    public JsonElement Manifest => Golden.Manifest;

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
    public TrainOptions Options(JsonElement expected, int steps)
    {
        var optimizer = Manifest.GetProperty("optimizer");
        double[] betas = [.. optimizer.GetProperty("betas").EnumerateArray().Select(beta => beta.GetDouble())];
        var adamW = new AdamWOptions(
            optimizer.GetProperty("lr").GetDouble(), optimizer.GetProperty("weight_decay").GetDouble(), betas[0], betas[1],
            optimizer.GetProperty("eps").GetDouble(), optimizer.GetProperty("max_grad_norm").GetDouble());
        return expected.TryGetProperty("warmup_ratio", out var warmup)
            ? new(1, adamW, MaxSteps: steps, Schedule: ScheduleKind.Cosine, WarmupRatio: warmup.GetDouble(), Shuffle: false)
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
        var trainer = new Trainer<T>(Device, Trainable(model), objective, rule, options with { BatchSize = batches[0].Count });
        List<StepRecord> records = [];
        trainer.Run([.. Enumerable.Range(0, options.MaxSteps).SelectMany(step => batches[step % batches.Length])], records.Add);
        return records;
    }

    public double[] Values(View<T> view)
    {
        var values = new T[view.Shape.Count];
        Device.Download(view, values.AsSpan());
        return [.. values.Select(double.CreateChecked)];
    }

    /// <summary>The packed rows of a padded (rows, length, columns) tensor.</summary>
    public static double[] PackedRows(double[] padded, int[] real, int columns)
    {
        var packed = new double[real.Length * columns];
        for (int row = 0; row < real.Length; row++)
            Array.Copy(padded, real[row] * columns, packed, row * columns, columns);
        return packed;
    }

    /// <summary>Our packed rows inside a padded tensor, zero elsewhere.</summary>
    public static double[] Padded(double[] packed, int[] real, int columns, int rows)
    {
        var padded = new double[rows * columns];
        for (int row = 0; row < real.Length; row++)
            Array.Copy(packed, row * columns, padded, real[row] * columns, columns);
        return padded;
    }
}
