using System.Numerics;
using System.Text.Json;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Verification;

/// <summary>Optimizer steps, trained parameters, decay groups, drift.</summary>
internal sealed class TrainingChecks<T>(VerifyContext<T> context) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly string _name = context.Golden.Name;
    private readonly Bounds _bounds = context.Bounds;

    public IEnumerable<Comparison> Run()
    {
        var train = context.Manifest.GetProperty("train");
        List<Comparison> all = [];
        foreach (string run in (ReadOnlySpan<string>)["sft", "vaccine", "vaccine_cosine"])
            if (train.TryGetProperty(run, out var expected))
                all.AddRange(Train(run, expected));
        all.Add(DecayGroups());
        return all;
    }

    private IEnumerable<Comparison> Train(string run, JsonElement expected)
    {
        using var model = context.Load();
        using var drift = Drift(model);
        var steps = expected.GetProperty("steps").EnumerateArray().ToArray();
        using var vaccine = run == "sft"
            ? null
            : new Vaccine<T>(new VaccineOptions(expected.GetProperty("rho").GetDouble()), context.Device);
        IGradientRule<T> rule = vaccine is null ? new Plain<T>() : vaccine;
        var options = context.Options(expected, steps.Length);
        var records = context.Train(model, new CrossEntropyObjective<T>(model.Network), rule, options);
        return
        [
            Steps(run, steps, records), Parameters(run, model, expected, options.Optimizer.LearningRate),
            .. run == "vaccine" && drift is not null ? Drifts(drift) : [],
        ];
    }

    private Comparison Steps(string run, JsonElement[] expected, List<StepRecord> found)
    {
        var worst = new Worst();
        for (int i = 0; i < expected.Length; i++)
        {
            void Check(string name, double? value)
            {
                if (expected[i].TryGetProperty(name, out var golden))
                    worst.Relative(value ?? double.NaN, golden.GetDouble(), $"step {i + 1} {name}", scale: 1e-30);
            }

            Check("loss", found[i].Loss);
            Check("param_grad_norm", found[i].GradientNorm);
            Check("rep_grad_norm", found[i].SiteGradientNorm);
            Check("perturbation_norm", found[i].PerturbationNorm);
            Check("lr", found[i].LearningRate);
        }

        return worst.Compare(_name, $"train {run}: {expected.Length} steps", _bounds.Later);
    }

    private Comparison Parameters(string run, Model<T> model, JsonElement expected, double rate)
    {
        var worst = new Worst();
        int skipped = 0;
        var file = context.Golden.Tensors(expected.GetProperty("file").GetString());
        var gradient = context.Golden.Tensors("sft");
        foreach (var parameter in VerifyContext<T>.Trainable(model))
        {
            var found = context.Values(parameter.Value);
            bool[] noise = Noise(gradient, parameter.Name, found.Length);
            if (file is not null)
            {
                var golden = GoldenCase.Read(file, "param/" + parameter.Name);
                for (int i = 0; i < found.Length; i++)
                    if (!noise[i])
                        worst.Add(Math.Abs(found[i] - golden[i]) / rate, parameter.Name);
            }
            else if (!noise.Contains(true))
            {
                // an error of b in each of n elements moves the norm by at most b sqrt(n) and the sum by at most b n
                double norm = Math.Sqrt(found.Sum(value => value * value)), root = Math.Sqrt(found.Length);
                double goldenNorm = expected.GetProperty("param_norm_by_param").GetProperty(parameter.Name).GetDouble();
                double goldenSum = expected.GetProperty("param_sum_by_param").GetProperty(parameter.Name).GetDouble();
                worst.Add(Math.Abs(norm - goldenNorm) / rate / root, $"norm of {parameter.Name}");
                worst.Add(Math.Abs(found.Sum() - goldenSum) / rate / found.Length, $"sum of {parameter.Name}");
            }

            skipped += noise.Count(isNoise => isNoise);
        }

        worst.Note = string.Join("; ", new[]
        {
            file is null ? "norms and sums only: the case holds no tensors" : null,
            skipped > 0 ? $"{skipped} elements left out: their gradient is zero but for rounding, and Adam moves them by it" : null,
        }.Where(note => note is not null)) is { Length: > 0 } note ? note : null;
        return worst.Compare(_name, $"train {run}: parameters", _bounds.Parameter, "learning rates");
    }

    /// <summary>
    /// In float, elements whose true gradient is zero (key biases: softmax is shift invariant) have a gradient of rounding noise
    /// near Adam's epsilon, and Adam moves them by it. In double the noise is far below epsilon and nothing is left out.
    /// </summary>
    private bool[] Noise(SafetensorsFile? gradient, string name, int count)
    {
        const double NearAdamEpsilon = 1e-10;
        if (_bounds == Bounds.Double || gradient is null || !gradient.Tensors.ContainsKey("grad/" + name))
            return new bool[count];
        var golden = GoldenCase.Read(gradient, "grad/" + name);
        double largest = golden.Max(Math.Abs);
        bool[] vanishing = [.. golden.Select(value => Math.Abs(value) < NearAdamEpsilon)];
        bool isKeyBias = name.EndsWith("k_proj.bias", StringComparison.Ordinal) && largest < 1e-6;
        bool isFusedBias = name.EndsWith("c_attn.bias", StringComparison.Ordinal);
        return isKeyBias || isFusedBias
            ? [.. vanishing.Select((value, i) => isKeyBias || value || (i >= count / 3 && i < 2 * count / 3))]
            : new bool[count];
    }

    private EmbeddingDrift<T>? Drift(Model<T> model) => context.Manifest.TryGetProperty("drift", out _)
        ? new(model.Network, context.Golden.Batches("e").SelectMany(Both), context.Device)
        : null;

    /// <summary>A batch twice: with its padding as tokens, as the released callback runs it, and its real tokens alone.</summary>
    private IEnumerable<PackedBatch> Both(string name)
    {
        var batch = context.Golden.Batch(name);
        return [batch.PackWithPadding(), batch.Pack()];
    }

    private IEnumerable<Comparison> Drifts(EmbeddingDrift<T> drift)
    {
        var terms = drift.Measure().ReleasedPerBatch;
        var expected = context.Manifest.GetProperty("drift");
        Comparison Check(string quantity, string total, string perLayer, int parity)
        {
            var worst = new Worst();
            var found = terms.Where((_, i) => i % 2 == parity).ToArray();
            worst.Relative(found.Sum(batch => batch.Sum()), expected.GetProperty(total).GetDouble(), total);
            var rows = expected.GetProperty(perLayer).EnumerateArray().ToArray();
            for (int batch = 0; batch < rows.Length; batch++)
                worst.Relative(
                    [.. found[batch]], [.. rows[batch].EnumerateArray().Select(value => value.GetDouble())], $"{perLayer}[{batch}]");
            return worst.Compare(_name, quantity, _bounds.Later);
        }

        yield return Check("drift as released", "official", "official_per_batch_layer", 0);
        yield return Check("drift over real tokens", "real_tokens_only", "real_tokens_per_batch_layer", 1);
    }

    private Comparison DecayGroups()
    {
        using var model = context.Load();
        var parameters = VerifyContext<T>.Trainable(model);
        if (!context.Manifest.TryGetProperty("params", out var groups))
            return new(_name, "decay groups", 0, 0, "names", Note: "the case names no groups");
        var decay = groups.GetProperty("decay").EnumerateArray().Select(name => name.GetString()!).ToHashSet();
        var trainable = groups.GetProperty("trainable").EnumerateArray().Select(name => name.GetString()!).ToHashSet();
        List<string> wrong = [.. parameters.Where(p => AdamW<T>.Decays(p) != decay.Contains(p.Name) || !trainable.Remove(p.Name))
            .Select(p => p.Name)];
        wrong.AddRange(trainable);                                             // what the case trains and we do not
        return new(_name, "decay groups", wrong.Count, 0, "names", wrong.FirstOrDefault());
    }
}
