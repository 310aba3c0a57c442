using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>L = 1/2 sum H (w - c)^2, whatever the batch.</summary>
public sealed class Quadratic : IObjective<double>, IDisposable
{
    private readonly Arena _memory;
    private readonly WeightedSquaredDistance<double> _distance = new();
    private readonly Scale<double> _half = new(0.5);

    public Quadratic(Device device, RandomStream random, int columns)
    {
        _memory = new Arena(device);
        Parameter<double> Make(string name)
        {
            var parameter = new Parameter<double>(name, _memory.Allocate<double>(Shape.Vector(columns)), [1, columns]);
            device.Run(new FillNormal<double>(random.At(name), 1), parameter.Value);
            return parameter;
        }

        (Weights, Centre, Curvature) = (Make("w"), Make("c"), Make("H"));
    }

    public string Name => "quadratic";

    public Parameter<double> Weights { get; }

    public Parameter<double> Centre { get; }

    public Parameter<double> Curvature { get; }

    public Tensor<double> Loss(Pass<double> pass, PackedBatch batch) => pass.Tape.Apply(
        _half, [pass.Tape.Apply(_distance, [pass.Tape.Of(Weights), pass.Tape.Of(Centre), pass.Tape.Of(Curvature)])]);

    public void Dispose() => _memory.Dispose();
}
