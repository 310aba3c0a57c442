using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Verification;

/// <summary>
/// Plain gradients, site gradients, perturbations, second-pass losses and gradients, random perturbation, accumulation.
/// </summary>
internal sealed class GradientChecks<T>(VerifyContext<T> context) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The radius of the accumulation case where its manifest names none.</summary>
    private const double AccumulationRho = 2;

    private readonly string _name = context.Golden.Name;
    private readonly Bounds _bounds = context.Bounds;

    public IEnumerable<Comparison> Run()
    {
        using var model = context.Load();
        using var state = new TrainState<T>(context.Device, VerifyContext<T>.Trainable(model), seed: 0);
        var step = new Step(context, model, state);
        return
        [
            .. Plain(step), .. SiteGradients(step),
            .. Radii().SelectMany(entry => Vaccine(step, entry)),
            .. Random(step), .. Accumulated(step),
        ];
    }

    private IReadOnlyList<(string Rho, ManifestNode Expected)> Radii()
    {
        var radii = context.Manifest["vaccine"]["rho"];
        var members = radii.Members();
        return members.Count > 0
            ? [.. members.Select(member => (member.Path[(radii.Path.Length + 1)..], member))]
            : throw radii.Wrong("none", "at least one radius");
    }

    private IEnumerable<Comparison> Plain(Step step)
    {
        var expected = context.Manifest["sft"];
        var report = step.Take(new Plain<T>());
        yield return Scalars("plain loss", (report.Loss, expected, "loss"));
        yield return Gradients(step, "plain gradients", context.Golden.Tensors("sft"), "grad/", expected);
    }

    private IEnumerable<Comparison> SiteGradients(Step step)
    {
        var expected = context.Manifest["vaccine"];
        using var rule = new Vaccine<T>(new VaccineOptions(Rho: 1), context.Device);
        var report = step.Take(rule);
        yield return Scalars(
            "first-pass loss and site gradient norm", (report.CleanLoss ?? double.NaN, expected, "first_loss"),
            (report.SiteGradientNorm ?? double.NaN, expected, "rep_grad_norm"));
        // eps = g rho / (G + guard): undo the scale to see g
        double unscale = report.SiteGradientNorm!.Value + Perturbation<T>.Guard;
        yield return Layers("site gradient norms, layer by layer", rule.Epsilon, expected["layer_grad_norms"], unscale);
        if (context.Golden.Tensors("vaccine_first") is not { } file)
            yield break;
        yield return Sites("site gradients", step.Batch, rule.Epsilon, file, "attn_grad", unscale);
    }

    private IEnumerable<Comparison> Vaccine(Step step, (string Rho, ManifestNode Expected) entry)
    {
        var expected = entry.Expected;
        double rho = expected.NameAsNumber(entry.Rho);
        using var rule = new Vaccine<T>(new VaccineOptions(rho), context.Device);
        var report = step.Take(rule);
        string title = $"vaccine rho={entry.Rho}";
        yield return Scalars(
            $"{title} norm and second loss", (report.PerturbationNorm, expected, "perturbation_norm"),
            (report.PerturbationNorm, expected, "expected_norm"), (report.Loss, expected, "second_loss"),
            (rho / ((report.SiteGradientNorm ?? double.NaN) + Perturbation<T>.Guard), expected, "scale"));
        yield return Layers(
            $"{title} perturbation norms, layer by layer", rule.Epsilon, expected["layer_perturbation_norms"], 1);
        var file = context.Golden.Tensors(expected.Find("file")?.Text());
        if (file is not null)
            yield return Sites($"{title} perturbation", step.Batch, rule.Epsilon, file, "perturbation", 1);
        yield return Gradients(step, $"{title} gradients", file, "grad/", expected);
    }

    private IEnumerable<Comparison> Random(Step step)
    {
        if (context.Golden.Tensors("random_vaccine") is not { } file)
            yield break;
        var expected = context.Manifest["random_vaccine"];
        double deviation = Math.Sqrt(expected["rho"].Number());
        using var memory = new Arena(context.Device);
        var sites = Enumerable.Range(0, step.Model.Network.Shape.Layers)
            .Select(layer => new Site(layer, SiteKind.AttentionOutput)).ToArray();
        var noise = sites.Select(site =>
        {
            string name = $"unit_noise.{site.Layer}";
            int columns = step.Model.Network.Shape.Hidden;
            if (step.Batch.Pick(Values.Read(file, name), columns, out var packed) is { } wrong)
                throw new InputException(
                    "a golden case's noise does not fit its batch", $"{file.Path}, tensor {name}", wrong.Problem);
            var view = memory.Allocate<T>(new Shape(step.Batch.Real.Length, columns));
            context.Device.Upload<T>([.. packed.Numbers.Select(value => T.CreateChecked(value * deviation))], view);
            return view;
        }).ToArray();
        double loss = step.Take(new Shift<T>(sites, noise));
        yield return Scalars("random perturbation loss", (loss, expected, "loss"));
        yield return Gradients(step, "random perturbation gradients", file, "grad/", expected);
    }

    private IEnumerable<Comparison> Accumulated(Step step)
    {
        if (context.Golden.Tensors("accum2") is not { } file)
            yield break;
        double rho = context.Manifest.Find("accum2")?.Find("rho")?.Number() ?? AccumulationRho;
        using var rule = new Vaccine<T>(new VaccineOptions(rho, PerturbationNorm.Batch), context.Device);
        step.Take(rule, "b0", "b1");
        yield return Gradients(step, "accumulated gradients (corrected)", file, "corrected_grad/", null);
    }

    private Comparison Scalars(
        string quantity, params ReadOnlySpan<(double Found, ManifestNode Expected, string Name)> scalars)
    {
        var worst = new Worst();
        foreach (var (found, expected, name) in scalars)
            worst.Relative(found, expected[name].Number(), name);
        return worst.Compare(_name, quantity, _bounds.Relative);
    }

    private Comparison Layers(string quantity, Perturbation<T> epsilon, ManifestNode expected, double factor)
    {
        var worst = new Worst();
        double[] norms = [.. epsilon.Epsilon.Select(view => factor * Values.Vector(context.Values(view)).Norm)];
        worst.Relative(
            Values.Vector(norms), Values.Vector([.. expected.Items().Select(layer => layer.Number())]), expected.Path);
        return worst.Compare(_name, quantity, _bounds.Relative);
    }

    /// <summary>Perturbations over the whole padded tensor: padding must have none.</summary>
    private Comparison Sites(
        string quantity, PaddedBatch batch, Perturbation<T> epsilon, SafetensorsFile file, string prefix, double factor)
    {
        var worst = new Worst();
        for (int i = 0; i < epsilon.Sites.Count; i++)
        {
            string name = $"{prefix}.{epsilon.Sites[i].Layer}";
            double[] packed = [.. context.Values(epsilon.Epsilon[i]).Select(value => value * factor)];
            worst.Relative(batch.Pad(packed, epsilon.Epsilon[i].Columns), Values.Read(file, name), name);
        }

        return worst.Compare(_name, quantity, _bounds.Relative);
    }

    /// <summary>
    /// Every tensor of the file, and every parameter's norm and sum where the manifest has them; without a file it
    /// must.
    /// </summary>
    private Comparison Gradients(
        Step step, string quantity, SafetensorsFile? file, string prefix, ManifestNode? manifest)
    {
        var worst = new Worst();
        var found = step.State.Trainable.ToDictionary(
            parameter => parameter.Name, parameter => context.Values(parameter, parameter.Gradient));
        double whole = Values.NormOf(found.Values);
        string[] golden =
        [
            .. (file?.Tensors.Keys ?? []).Where(key => key.StartsWith(prefix, StringComparison.Ordinal))
                .Select(key => key[prefix.Length..]),
        ];
        foreach (string name in golden.Except(found.Keys))
            worst.Fail($"{name}: the case has its gradient, and nothing of ours trains it");
        if (golden.Length == 0 && manifest is null)
            worst.Fail($"the case holds no tensor {prefix}*, and no norms");
        foreach (var (name, values) in found)
        {
            if (golden.Length > 0)
                worst.Relative(values, Values.Read(file!, prefix + name), name, whole);
            if (manifest is { } norms && (golden.Length == 0 || norms.Find("grad_norm_by_param") is not null))
                NormAndSum(worst, name, values.Numbers, norms, whole);
        }

        if (manifest?.Find("param_grad_norm") is { } all)
            worst.Relative(whole, all.Number(), "norm of all");
        worst.Note = golden.Length > 0 ? null : "norms and sums only: the case holds no tensors";
        return worst.Compare(_name, quantity, _bounds.Relative);
    }

    private static void NormAndSum(Worst worst, string name, double[] values, ManifestNode manifest, double whole)
    {
        double norm = Math.Sqrt(values.Sum(value => value * value));
        worst.Relative(norm, manifest["grad_norm_by_param"][name].Number(), $"norm of {name}", whole);
        double sum = manifest["grad_sum_by_param"][name].Number();
        worst.Sum(values.Sum(), sum, norm * Math.Sqrt(values.Length), $"sum of {name}", whole);
    }

    /// <summary>One step's gradients on batch b0 (or a mean over several), from zero.</summary>
    private sealed class Step(VerifyContext<T> context, Model<T> model, TrainState<T> state)
    {
        private readonly CrossEntropyObjective<T> _objective = new(model.Network);

        public Model<T> Model { get; } = model;

        public TrainState<T> State { get; } = state;

        public PaddedBatch Batch { get; } = context.Golden.Batch("b0");

        public RuleReport Take(IGradientRule<T> rule, params string[] batches)
        {
            State.BeginStep();
            if (batches.Length == 0)
                return rule.Accumulate(_objective, Batch.Pack(), State);
            RuleReport report = default;
            foreach (string batch in batches)
                report = rule.Accumulate(_objective, context.Golden.Batch(batch).Pack(), State, 1.0 / batches.Length);
            return report;
        }

        public double Take(Shift<T> shift)
        {
            State.BeginStep();
            double loss = State.Descend(_objective, Batch.Pack(), State.Pass(shift), 1);
            shift.RequireAllApplied();
            return loss;
        }
    }
}
