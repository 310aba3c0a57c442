using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>The activation functions under Hugging Face's names. Source: activations.py, ACT2FN.</summary>
internal static class Activations
{
    /// <summary>The names of all activation functions.</summary>
    public static readonly IReadOnlyList<string> Names = ["relu", "gelu", "gelu_new", "gelu_pytorch_tanh"];

    /// <summary>The op for the activation function of this name.</summary>
    public static Op<T> Create<T>(string name) where T : unmanaged, IFloatingPointIeee754<T> => name switch
    {
        "relu" => new Relu<T>(),
        "gelu" => new Gelu<T>(GeluForm.Erf),
        "gelu_new" or "gelu_pytorch_tanh" => new Gelu<T>(GeluForm.Tanh),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "not an activation"),
    };
}
