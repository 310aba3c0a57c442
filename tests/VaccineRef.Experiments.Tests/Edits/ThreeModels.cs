using VaccineRef.Core;
using VaccineRef.Experiments.Edits;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Tests.Edits;

/// <summary>A model before its alignment, after it, and after a fine-tuning, with weights drawn at random.</summary>
internal sealed class ThreeModels : IDisposable
{
    public const string Base = "base", Aligned = "align";

    private readonly TinyModel _tiny;
    private readonly CpuDevice _device;
    private readonly Dictionary<string, double[]> _aligned, _tuned;

    public ThreeModels(TinyModel tiny, int threads = 1)
    {
        (_tiny, _device) = (tiny with { Adapted = false }, new(threads));
        using (var first = Make())
            Before = Weights(first);
        _aligned = Moved(Before, "alignment");
        _tuned = Moved(_aligned, "tuning");
        Model = Make();
        Set(Model, _tuned);
    }

    /// <summary>The model that is edited: the fine-tuned one.</summary>
    public Model<double> Model { get; }

    public Dictionary<string, double[]> Before { get; }

    public Dictionary<string, double[]> AtAlignment => _aligned;

    public Dictionary<string, double[]> Tuned => _tuned;

    public CpuDevice Device => _device;

    /// <summary>Edits the fine-tuned model.</summary>
    /// <returns>What the edit says it changed.</returns>
    public EditSize Apply(EditStageOptions edit)
    {
        using var context = new EditContext<double>(Model, At, _ => _tiny.Sequences);
        edit.Apply(context);
        return context.Size;
    }

    /// <summary>Goes back to the fine-tuned weights as they stand in <see cref="Tuned"/>.</summary>
    public void Reset() => Set(Model, _tuned);

    /// <summary>A stored weight as the equations have it: (out, in).</summary>
    public static double[,] Matrix(Dictionary<string, double[]> weights, LinearLayer<double> layer)
    {
        bool lies = layer.Layout == Kernels.WeightLayout.OutIn;
        double[] values = weights[layer.Weight.Name];
        double[,] matrix = new double[layer.Outputs, layer.Inputs];
        for (int i = 0; i < layer.Outputs; i++)
            for (int j = 0; j < layer.Inputs; j++)
                matrix[i, j] = values[lies ? (i * layer.Inputs) + j : (j * layer.Outputs) + i];
        return matrix;
    }

    public static double[,] Difference(
        Dictionary<string, double[]> minuend, Dictionary<string, double[]> subtrahend, LinearLayer<double> layer)
    {
        double[,] difference = Matrix(minuend, layer), less = Matrix(subtrahend, layer);
        for (int i = 0; i < layer.Outputs; i++)
            for (int j = 0; j < layer.Inputs; j++)
                difference[i, j] -= less[i, j];
        return difference;
    }

    public static Dictionary<string, double[]> Weights(Model<double> model) =>
        model.Network.Parameters.ToDictionary(
            parameter => parameter.Name, parameter => TinyRun<double>.Values(parameter.Value));

    public void Dispose()
    {
        Model.Dispose();
        _device.Dispose();
    }

    private Model<double> At(string stage)
    {
        var model = Make();
        Set(model, stage == Base ? Before : _aligned);
        return model;
    }

    private Model<double> Make() => LanguageModel.Create<double>(_tiny.Config, _device, _tiny.Random.At("weights"));

    private Dictionary<string, double[]> Moved(Dictionary<string, double[]> weights, string how) => weights.ToDictionary(
        each => each.Key,
        each => each.Value.Select((value, i) => value + (0.1 * _tiny.Random.At(how).At(each.Key).Normal(i))).ToArray());

    private void Set(Model<double> model, Dictionary<string, double[]> weights)
    {
        foreach (var parameter in model.Network.Parameters)
            _device.Upload<double>(weights[parameter.Name], parameter.Value);
    }
}
