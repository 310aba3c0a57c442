using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Verification;

/// <summary>
/// Parameters after a training: element by element where the case holds them, and the norm and sum of each, the norm of
/// all, and how far all have moved. Made before the training.
/// </summary>
internal sealed class TrainedParameters<T>(VerifyContext<T> context, Model<T> model)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly IReadOnlyList<Parameter<T>> _trained = VerifyContext<T>.Trainable(model);
    private readonly double[][] _before = [.. VerifyContext<T>.Trainable(model)
        .Select(parameter => context.Values(parameter.Value))];

    /// <summary>Compares what they are now.</summary>
    /// <param name="title">What was trained.</param>
    /// <param name="expected">Norms and sums.</param>
    /// <param name="file">The tensors, or null if the case holds none.</param>
    /// <param name="prefix">What stands before their names.</param>
    /// <param name="rate">The learning rate, which is the unit of errors.</param>
    public Comparison Compare(string title, ManifestNode expected, SafetensorsFile? file, string prefix, double rate)
    {
        var worst = new Worst();
        var gradient = context.Golden.Tensors("sft");
        int skipped = 0;
        double norm = 0, moved = 0, elements = 0;
        foreach (var (parameter, before) in _trained.Zip(_before))
        {
            var values = context.Values(parameter, parameter.Value);
            double[] found = values.Numbers;
            bool[] noise = Noise(gradient, parameter.Name, found.Length);
            int noisy = noise.Count(isNoise => isNoise);
            if (file is not null)
                worst.Absolute(values, Values.Read(file, prefix + parameter.Name), rate, parameter.Name, noise);
            if (noisy == 0)
                NormAndSum(worst, parameter.Name, values, expected, rate);
            (skipped, elements) = (skipped + noisy, elements + found.Length);
            norm += values.Norm * values.Norm;
            moved += found.Zip(before, (now, then) => now - then).Sum(value => value * value);
        }

        if (skipped == 0)
        {
            Length(worst, Math.Sqrt(norm), expected["final_param_norm"], elements, rate);
            Length(worst, Math.Sqrt(moved), expected["update_norm"], elements, rate);
        }

        worst.Note = string.Join("; ", ((string?[])
        [
            file is null ? "norms and sums only: the case holds no tensors" : null,
            skipped > 0
                ? $"{skipped} elements left out: their gradient is zero but for rounding, and Adam moves them by it"
                : null,
        ]).OfType<string>()) is { Length: > 0 } note ? note : null;
        return worst.Compare(context.Golden.Name, $"{title}: parameters", context.Bounds.Parameter, "learning rates");
    }

    private static void NormAndSum(Worst worst, string name, Values found, ManifestNode expected, double rate)
    {
        Length(worst, found.Norm, expected["param_norm_by_param"][name], found.Numbers.Length, rate);
        var sum = expected["param_sum_by_param"][name];
        worst.Add(Math.Abs(found.Numbers.Sum() - sum.Number()) / rate / found.Numbers.Length, sum.Path);
    }

    // an error of b in each of n elements moves a norm by at most b sqrt(n), and a sum by at most b n
    private static void Length(Worst worst, double found, ManifestNode expected, double elements, double rate) =>
        worst.Add(Math.Abs(found - expected.Number()) / rate / Math.Sqrt(elements), expected.Path);

    /// <summary>
    /// In float, elements whose true gradient is zero (key biases: softmax is shift invariant) have a gradient of
    /// rounding noise near Adam's epsilon, and Adam moves them by it. In double the noise is far below epsilon and
    /// nothing is left out.
    /// </summary>
    private bool[] Noise(SafetensorsFile? gradient, string name, int count)
    {
        const double NearAdamEpsilon = 1e-10;
        if (context.Bounds == Bounds.Double || gradient is null || !gradient.Tensors.ContainsKey("grad/" + name))
            return new bool[count];
        var golden = Values.Read(gradient, "grad/" + name).Numbers;
        if (golden.Length != count)
            return new bool[count];
        double largest = golden.Max(Math.Abs);
        bool[] vanishing = [.. golden.Select(value => Math.Abs(value) < NearAdamEpsilon)];
        bool isKeyBias = name.EndsWith("k_proj.bias", StringComparison.Ordinal) && largest < 1e-6;
        bool isFusedBias = name.EndsWith("c_attn.bias", StringComparison.Ordinal);
        return isKeyBias || isFusedBias
            ? [.. vanishing.Select((value, i) => isKeyBias || value || (i >= count / 3 && i < 2 * count / 3))]
            : new bool[count];
    }
}
