using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Training;

/// <summary>How the learning rate of Muon follows from the shape of a matrix.</summary>
[JsonConverter(typeof(SnakeCase<MuonRate>))]
public enum MuonRate
{
    /// <summary>Keller Jordan's: lr sqrt(max(1, rows / columns)).</summary>
    Original,

    /// <summary>
    /// Moonshot AI's (arXiv 2502.16982), which moves numbers about as far as AdamW does: 0.2 lr sqrt(max(rows,
    /// columns)).
    /// </summary>
    MatchRmsAdamw,
}

/// <summary>
/// The settings of Muon (Keller Jordan, 2024), with the defaults of torch.optim.Muon. It moves every matrix by the
/// nearest matrix with orthonormal rows or columns to its momentum. Vectors, embeddings and the head are moved by
/// AdamW, with the same learning rate times a factor. Rows and columns are those of the checkpoint, as in torch; the
/// two matrices of an adapter are matrices.
/// </summary>
/// <param name="LearningRate">The largest learning rate of the schedule.</param>
/// <param name="WeightDecay">The decoupled weight decay of matrices. Vectors never decay.</param>
/// <param name="Momentum">The decay of the sum of gradients.</param>
/// <param name="Nesterov">Whether a step looks ahead along the sum.</param>
/// <param name="Adjust">How the learning rate follows from the shape of a matrix: adjust_lr_fn of torch.</param>
/// <param name="AdamFactor">The learning rate of AdamW's part, as a multiple of that of the matrices.</param>
/// <param name="Beta1">The decay of AdamW's first moment.</param>
/// <param name="Beta2">The decay of AdamW's second moment.</param>
/// <param name="Epsilon">What AdamW adds to the square root of the second moment.</param>
/// <param name="MaxGradientNorm">The norm to which the whole gradient is clipped; 0 turns clipping off.</param>
public sealed record MuonOptions(
    double LearningRate = 1e-3, double WeightDecay = 0, double Momentum = 0.95, bool Nesterov = true,
    MuonRate Adjust = MuonRate.Original,
    double AdamFactor = 1, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double MaxGradientNorm = 1)
    : AdamOptions(LearningRate, WeightDecay, Beta1, Beta2, Epsilon, MaxGradientNorm)
{
    /// <inheritdoc/>
    public override string Name() => "muon";

    /// <inheritdoc/>
    public override IReadOnlyList<string> State<T>(Parameter<T> parameter) => IsMap(parameter) ? ["momentum"] : Moments;

    /// <inheritdoc/>
    public override IReadOnlyList<Shape> Work<T>(Parameter<T> parameter) =>
        IsMap(parameter) ? MuonStep<T>.Work(parameter.Shape) : [];

    /// <inheritdoc/>
    public override Routine<T> Step<T>(Parameter<T> parameter, OptimizerStep step) => IsMap(parameter)
        ? new MuonStep<T>(step.Rate, step.Rate * Factor(parameter.Shape), Momentum, Nesterov, step.Decay, step.Scale)
        : Adam<T>(step with { Rate = step.Rate * AdamFactor });

    /// <inheritdoc/>
    internal override void Validate(Action<bool, string, object, string> require)
    {
        base.Validate(require);
        require(Momentum is >= 0 and < 1, "optimizer.momentum", Momentum, "in [0, 1)");
        require(
            AdamFactor is >= 0 and < double.PositiveInfinity, "optimizer.adam_factor", AdamFactor,
            "a finite number, at least 0");
    }

    private static bool IsMap<T>(Parameter<T> parameter)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        parameter.Dimensions.Count > 1 && !parameter.IsTable;

    private double Factor(Shape shape) => Adjust == MuonRate.Original
        ? Math.Sqrt(Math.Max(1, (double)shape.Rows / shape.Columns))
        : 0.2 * Math.Sqrt(Math.Max(shape.Rows, shape.Columns));
}
