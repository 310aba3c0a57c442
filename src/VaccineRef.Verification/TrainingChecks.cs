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
        var parameters = new TrainedParameters<T>(context, model);
        var records = context.Train(model, new CrossEntropyObjective<T>(model.Network), rule, options);
        var file = context.Golden.Tensors(expected.Find("file")?.Text());
        return
        [
            Steps(context, run, steps, records),
            parameters.Compare($"train {run}", expected, file, "param/", options.Optimizer.LearningRate),
            .. run == "vaccine" && drift is not null ? Drifts(drift) : [],
        ];
    }

    /// <summary>What each step of a training said of itself.</summary>
    public static Comparison Steps(
        VerifyContext<T> context, string run, IReadOnlyList<ManifestNode> expected, List<StepRecord> found)
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

        return worst.Compare(context.Golden.Name, $"train {run}: {expected.Count} steps", context.Bounds.Later);
    }

    private EmbeddingDrift<T>? Drift(Model<T> model) => context.Manifest.Find("drift") is not null
        ? new(model.Network, context.Golden.Batches("e").SelectMany(Both), context.Device)
        : null;

    /// <summary>
    /// A batch twice: with its padding as tokens, as the released callback runs it, and its real tokens alone.
    /// </summary>
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
            if (expected.Find($"{total}_callback_verbatim") is { } verbatim)
                worst.Relative(found.Sum(batch => batch.Sum()), verbatim.Number(), verbatim.Path);
            var rows = expected[perLayer].Items();
            if (rows.Count != found.Length)
                worst.Fail($"{perLayer}: {rows.Count} batches, ours are {found.Length}");
            for (int batch = 0; batch < Math.Min(rows.Count, found.Length); batch++)
                worst.Relative(
                    Values.Vector([.. found[batch]]),
                    Values.Vector([.. rows[batch].Items().Select(value => value.Number())]),
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
        List<string> wrong = [.. parameters
            .Where(p => Optimizer<T>.Decays(p) != decay.Contains(p.Name) || !trainable.Remove(p.Name))
            .Select(p => p.Name)];
        wrong.AddRange(trainable);                                             // what the case trains and we do not
        return new(_name, "decay groups", wrong.Count, 0, "names", wrong.FirstOrDefault());
    }
}
