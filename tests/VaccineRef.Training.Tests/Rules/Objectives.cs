using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>c times another objective.</summary>
public sealed class Scaled<T>(IObjective<T> inner, double factor) : IObjective<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Scale<T> _scale = new(factor);

    public string Name => "scaled";

    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch) => pass.Tape.Apply(_scale, [inner.Loss(pass, batch)]);
}

/// <summary>Another objective, with something done before each forward pass, told which one it is, from 1.</summary>
public sealed class Watched<T>(IObjective<T> inner, Action<int, PackedBatch> before) : IObjective<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private int _forward;

    public string Name => "watched";

    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        before(++_forward, batch);
        return inner.Loss(pass, batch);
    }
}
