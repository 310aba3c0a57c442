using System.Numerics;
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
        var train = context.Manifest["train"];
        List<Comparison> all = [];
        foreach (string run in (ReadOnlySpan<string>)["sft", "vaccine", "vaccine_cosine"])
            if (train.Find(run) is { } expected)
                all.AddRange(Train(run, expected));
        if (all.Count == 0)
            throw train.Wrong("none of them", "at least one of sft, vaccine, vaccine_cosine");
        return [.. all, DecayGroups()];
    }

    private IEnumerable<Comparison> Train(string run, ManifestNode expected)
    {
        using var model = context.Load();
        using var drift = Drift(model);
        var steps = expected["steps"].Items();
        using var vaccine = run == "sft"
            ? null
            : new Vaccine<T>(new VaccineOptions(expected["rho"].Number()), context.Device);
        IGradientRule<T> rule = vaccine is null ? new Plain<T>() : vaccine;
        var options = context.Options(expected, steps.Count);
        var records = context.Train(model, new CrossEntropyObjective<T>(model.Network), rule, options);
        return
        [
            Steps(run, steps, records), Parameters(run, model, expected, options.Optimizer.LearningRate),
            .. run == "vaccine" && drift is not null ? Drifts(drift) : [],
        ];
    }

    private Comparison Steps(string run, IReadOnlyList<ManifestNode> expected, List<StepRecord> found)
    {
        var worst = new Worst();
        for (int i = 0; i < expected.Count; i++)
        {
            void Check(string name, double? value)
            {
                if (expected[i].Find(name) is { } golden)
                    worst.Relative(value ?? double.NaN, golden.Number(), $"step {i + 1} {name}", scale: 1e-30);
            }

            Check("loss", found[i].Loss);
            Check("param_grad_norm", found[i].GradientNorm);
            Check("rep_grad_norm", found[i].SiteGradientNorm);
            Check("perturbation_norm", found[i].PerturbationNorm);
            Check("lr", found[i].LearningRate);
        }

        return worst.Compare(_name, $"train {run}: {expected.Count} steps", _bounds.Later);
    }

    private Comparison Parameters(string run, Model<T> model, ManifestNode expected, double rate)
    {
        var worst = new Worst();
        int skipped = 0;
        var file = context.Golden.Tensors(expected.Find("file")?.Text());
        var gradient = context.Golden.Tensors("sft");
        foreach (var parameter in VerifyContext<T>.Trainable(model))
        {
            var found = context.Values(parameter.Value);
            bool[] noise = Noise(gradient, parameter.Name, found.Length);
            if (file is not null)
            {
                var golden = Values.Read(file, "param/" + parameter.Name);
                worst.Absolute(context.Values(parameter, parameter.Value), golden, rate, parameter.Name, noise);
            }
            else if (!noise.Contains(true))
            {
                // an error of b in each of n elements moves the norm by at most b sqrt(n) and the sum by at most b n
                double norm = Math.Sqrt(found.Sum(value => value * value)), root = Math.Sqrt(found.Length);
                double goldenNorm = expected["param_norm_by_param"][parameter.Name].Number();
                double goldenSum = expected["param_sum_by_param"][parameter.Name].Number();
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

    private EmbeddingDrift<T>? Drift(Model<T> model) => context.Manifest.Find("drift") is not null
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
        var expected = context.Manifest["drift"];
        Comparison Check(string quantity, string total, string perLayer, int parity)
        {
            var worst = new Worst();
            var found = terms.Where((_, i) => i % 2 == parity).ToArray();
            worst.Relative(found.Sum(batch => batch.Sum()), expected[total].Number(), total);
            var rows = expected[perLayer].Items();
            if (rows.Count != found.Length)
                worst.Fail($"{perLayer}: {rows.Count} batches, ours are {found.Length}");
            for (int batch = 0; batch < Math.Min(rows.Count, found.Length); batch++)
                worst.Relative(
                    Values.Vector([.. found[batch]]), Values.Vector([.. rows[batch].Items().Select(value => value.Number())]),
                    rows[batch].Path);
            return worst.Compare(_name, quantity, _bounds.Later);
        }

        yield return Check("drift as released", "official", "official_per_batch_layer", 0);
        yield return Check("drift over real tokens", "real_tokens_only", "real_tokens_per_batch_layer", 1);
    }

    private Comparison DecayGroups()
    {
        using var model = context.Load();
        var parameters = VerifyContext<T>.Trainable(model);
        var groups = context.Manifest["params"];
        var decay = groups["decay"].Items().Select(name => name.Text()).ToHashSet();
        var trainable = groups["trainable"].Items().Select(name => name.Text()).ToHashSet();
        List<string> wrong = [.. parameters.Where(p => Optimizer<T>.Decays(p) != decay.Contains(p.Name) || !trainable.Remove(p.Name))
            .Select(p => p.Name)];
        wrong.AddRange(trainable);                                             // what the case trains and we do not
        return new(_name, "decay groups", wrong.Count, 0, "names", wrong.FirstOrDefault());
    }
}
