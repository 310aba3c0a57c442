using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Edits;

/// <summary>The weights of one model minus those of another, one matrix at a time.</summary>
internal static class WeightDifference
{
    /// <summary>A model's parameter of this name.</summary>
    /// <exception cref="InputException">The model has none of this name and shape.</exception>
    public static Parameter<T> Of<T>(Model<T> model, Parameter<T> like) where T : unmanaged, IFloatingPointIeee754<T> =>
        model.Network.Parameters.FirstOrDefault(each => each.Name == like.Name && each.Shape == like.Shape)
        ?? throw new InputException(
            "the models of two stages do not have the same weights", like.Name, "none of this name and shape",
            $"{like.Shape}",
            "compare stages of one model");

    /// <summary>minuend - subtrahend, in memory of the arena.</summary>
    public static View<T> Take<T>(Arena memory, View<T> minuend, View<T> subtrahend)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var difference = memory.Allocate<T>(minuend.Shape);
        memory.Device.Copy(minuend, difference);
        memory.Device.Run(new AddScaled<T>(-1), subtrahend, difference);
        return difference;
    }
}
