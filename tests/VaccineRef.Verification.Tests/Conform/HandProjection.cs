using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Verification.Tests.Conform;

/// <summary>
/// The output projections of attention, taken out of a model: in it each is the identity, so that a tap at the
/// attention output sees what goes into the projection, and the port applies the real one to what it has made of that.
/// </summary>
internal sealed class HandProjection
{
    private readonly Dictionary<int, List<Parameter<double>>> _layers = [];      // weight, and bias if there is one

    public HandProjection(Model<double> model, Arena weights)
    {
        List<Parameter<double>> trainable = [];
        foreach (var parameter in model.Trainable)
        {
            string[] parts = parameter.Name.Split('.');
            int at = Array.FindIndex(parts, part => part is "o_proj" or "out_proj");
            trainable.Add(at < 0 ? parameter : TakeOut(parameter, int.Parse(parts[at - 2], null), weights));
        }

        Trainable = trainable;
    }

    /// <summary>The parameters of the model, with the real projections.</summary>
    public IReadOnlyList<Parameter<double>> Trainable { get; }

    /// <summary>The projection of a layer, applied.</summary>
    public Tensor<double> Of(Site site, Tensor<double> hidden, Tape<double> tape)
    {
        var weights = _layers[site.Layer].OrderByDescending(parameter => parameter.Dimensions.Count).Select(tape.Of);
        return tape.Apply(new Linear<double>(), [hidden, .. weights]);
    }

    private Parameter<double> TakeOut(Parameter<double> parameter, int layer, Arena weights)
    {
        var copy = weights.Allocate<double>(parameter.Shape);
        var left = parameter.Value.Span;
        left.CopyTo(copy.Span);
        left.Clear();
        for (int i = 0; parameter.Dimensions.Count == 2 && i < parameter.Shape.Rows; i++)
            left[(i * parameter.Shape.Columns) + i] = 1;
        Parameter<double> real = new(parameter.Name, copy, parameter.Dimensions);
        if (!_layers.TryGetValue(layer, out var there))
            _layers.Add(layer, there = []);
        there.Add(real);
        return real;
    }
}
