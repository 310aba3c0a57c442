using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of constrained early tokens; the defaults are those of its paper.</summary>
/// <param name="FirstBeta">
/// beta of an answer's first token, above 0: the larger, the more the token is held at the teacher's probability.
/// </param>
/// <param name="EarlyBeta">beta of the tokens from the second to the last early one.</param>
/// <param name="LaterBeta">beta of the tokens behind.</param>
/// <param name="Early">How many tokens of an answer are early, the first one included.</param>
public sealed record EarlyTokensOptions(
    double FirstBeta = 0.5, double EarlyBeta = 2, double LaterBeta = 0.1, int Early = 5) : ObjectiveOptions
{
    /// <inheritdoc/>
    public override string Label() => string.Concat(
        $"early tokens, beta = {NumberText.Of(FirstBeta)}, {NumberText.Of(EarlyBeta)}, {NumberText.Of(LaterBeta)}",
        Early == 5 ? "" : $", {Early} early");

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        void RequireBeta(double beta, string name)
        {
            if (beta is not (> 0 and < double.PositiveInfinity))
                throw new InputException(
                    "beta is out of its range", $"{path}.{name}", NumberText.Of(beta), "a finite number above 0");
        }

        RequireBeta(FirstBeta, "first_beta");
        RequireBeta(EarlyBeta, "early_beta");
        RequireBeta(LaterBeta, "later_beta");
        if (Early < 1)
            throw new InputException(
                "that is not a number of tokens", $"{path}.early", $"{Early}", "a whole number, at least 1");
    }

    /// <inheritdoc/>
    public override IObjective<T> Make<T>(ObjectiveContext<T> context) =>
        new EarlyTokensObjective<T>(context.Model.Network, context.Model.Trainable, this, context.Model.Device);

    /// <summary>beta of an answer's token.</summary>
    /// <param name="position">Its place among the counted tokens of its sequence, from 0.</param>
    public double Beta(int position) => position == 0 ? FirstBeta : position < Early ? EarlyBeta : LaterBeta;
}

/// <summary>
/// Fine-tuning that holds the first tokens of answers near the probabilities that the aligned model gave them.
/// <code>
/// mean over the counted tokens of (2 / beta_t) log(1 + e^(beta_t D_t)),   D_t = log p_0(y_t) - log p(y_t)
/// its gradient: that of cross-entropy with each token weighted by 2 sigmoid(beta_t D_t)
/// </code>
/// p_0 is the model as it was when this was made, without dropout. A token that has become more probable than it was
/// counts less and less; where training begins, every weight is 1. A step needs one more forward pass, and a copy of
/// what is trained. Source: Qi et al., "Safety alignment should be made more than just a few tokens deep", arXiv
/// 2406.05946, Eq. 3, where beta is 0.5, then 2 up to the fifth token, then 0.1.
/// </summary>
public sealed class EarlyTokensObjective<T> : IObjective<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ILanguageModel<T> _model;
    private readonly EarlyTokensOptions _options;
    private readonly AnchoredParameters<T> _anchors;
    private readonly Tape<T> _teaching;
    private readonly CrossEntropy<T> _losses = new(Reduction.None);
    private readonly Linear<T> _weigh = new(WeightLayout.InOut);
    private readonly Add<T> _add = new();

    /// <summary>Makes the model in its present state the teacher.</summary>
    /// <param name="model">The model to be trained.</param>
    /// <param name="parameters">The parameters of the model that will be trained.</param>
    /// <param name="options">The settings.</param>
    /// <param name="device">Where the parameters live.</param>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public EarlyTokensObjective(
        ILanguageModel<T> model, IReadOnlyList<Parameter<T>> parameters, EarlyTokensOptions options, Device device)
    {
        options.Validate("objective");
        (_model, _options, _anchors, _teaching) = (model, options, new(parameters, device), new(device));
    }

    /// <inheritdoc/>
    public string Name => "early_tokens";

    /// <inheritdoc/>
    public long StateBytes => _anchors.Bytes + _teaching.Activations.Peak;

    /// <inheritdoc/>
    /// <exception cref="InputException">In training, no label of the batch counts.</exception>
    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        NextTokenLoss<T>.RequireCounted(pass, batch);
        var tape = pass.Tape;
        double[] teacher = [];
        _anchors.With(() => teacher = Teach(batch));
        var losses = Losses(pass, batch);                                              // -log p(y_t), (M, 1)
        double[] student = Read(tape.Device, losses.Value);
        T[] weights = new T[student.Length];
        // of the loss, beside the weighted sum whose gradient is the loss's
        double rest = 0;
        foreach (var (i, position) in Positions(batch).Index())
        {
            double beta = _options.Beta(position), exponent = beta * (student[i] - teacher[i]);
            weights[i] = T.CreateChecked(2 / (1 + Math.Exp(-exponent)) / student.Length);
            rest += (2 / beta * Softplus(exponent) / student.Length) - (double.CreateChecked(weights[i]) * student[i]);
        }

        Tensor<T> weighing = tape.Zeros(Shape.Vector(weights.Length)), constant = tape.Zeros(Shape.Scalar);
        tape.Device.Upload<T>(weights, weighing.Value);
        tape.Device.Fill(constant.Value, T.CreateChecked(rest));
        return tape.Apply(_add, [tape.Apply(_weigh, [weighing, losses]), constant]);                    // (1, M) (M, 1)
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _teaching.Dispose();
        _anchors.Dispose();
    }

    /// <summary>The place of each counted token among those of its sequence, from 0.</summary>
    private static IEnumerable<int> Positions(PackedBatch batch)
    {
        int sequence = 0, position = 0;
        foreach (int row in batch.CountedRows)
        {
            for (; row >= batch.Offsets[sequence + 1]; sequence++)
                position = 0;
            yield return position++;
        }
    }

    private static double Softplus(double x) => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)));

    private static double[] Read(Device device, View<T> losses)
    {
        var values = new T[losses.Shape.Count];
        device.Download(losses, values);
        return Array.ConvertAll(values, double.CreateChecked);
    }

    private double[] Teach(PackedBatch batch)
    {
        _teaching.Clear();
        return Read(_teaching.Device, Losses(new(_teaching, new NoTap<T>()), batch).Value);
    }

    private Tensor<T> Losses(Pass<T> pass, PackedBatch batch) => pass.Tape.Apply(
        _losses, [_model.Forward(pass, batch, outputRows: batch.CountedRows), pass.Tape.Of(_model.Head)],
        batch.CountedTargets);
}
