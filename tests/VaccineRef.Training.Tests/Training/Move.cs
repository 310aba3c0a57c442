using VaccineRef.Core;
using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Training;

/// <summary>Adds a multiple of fixed numbers to the attention outputs, layer by layer.</summary>
internal sealed class Move(double[][] by, double factor) : ITap<double>
{
    private int _layer;

    public bool ListensTo(SiteKind kind) => kind == SiteKind.AttentionOutput;

    public Tensor<double> At(Site site, Tensor<double> hidden, Pass<double> pass)
    {
        if (!ListensTo(site.Kind))
            return hidden;
        var moved = pass.Tape.Zeros(hidden.Shape);
        double[] values = TinyRun<double>.Values(hidden.Value);
        pass.Tape.Device.Upload<double>(
            [.. values.Zip(by[_layer++], (value, step) => value + (factor * step))], moved.Value);
        return moved;
    }
}
