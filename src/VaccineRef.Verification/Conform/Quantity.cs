namespace VaccineRef.Verification.Conform;

/// <summary>Where in a step a quantity stands: its cause lies in its own stage or in an earlier one.</summary>
internal enum Stage
{
    /// <summary>Token ids, labels, mask; the number of passes.</summary>
    Input,

    /// <summary>The first pass: hidden embeddings, logits, loss, site gradients.</summary>
    First,

    /// <summary>The norm and the perturbation.</summary>
    Perturbation,

    /// <summary>The second pass.</summary>
    Second,

    /// <summary>Parameter gradients.</summary>
    Gradient,

    /// <summary>The update.</summary>
    Update,
}

/// <summary>One quantity of a step as it should be.</summary>
/// <param name="Key">"s1/p1/site0/raw", "s1/m0/p2/loss", "s1/grad/lm_head.weight".</param>
/// <param name="Stage">Where in the step it stands.</param>
/// <param name="Values">What it should be; of a batch's rows, the padded ones.</param>
internal sealed record Quantity(string Key, Stage Stage, Values Values)
{
    /// <summary>Of values over a padded batch, that batch.</summary>
    public PaddedBatch? Batch { get; init; }

    /// <summary>
    /// Whether padding is compared too: gradients are zero there; hidden embeddings are anything, and a perturbation
    /// moves nothing that counts.
    /// </summary>
    public bool WithPadding { get; init; } = true;

    /// <summary>What a difference is divided by where the quantity is zero but for rounding.</summary>
    public double Scale { get; init; }

    /// <summary>
    /// What the quantity was measured against where it is a difference of large numbers, out - raw: rounding of those
    /// is in it.
    /// </summary>
    public double MeasuredOn { get; init; }

    /// <summary>Elements that rounding alone decides in low precision; null for none.</summary>
    public bool[]? Undecided { get; init; }

    /// <summary>A quantity over a batch or, without one, of the step.</summary>
    public static Quantity Of(
        string key, Stage stage, Values values, PaddedBatch? batch, bool padding, double measuredOn,
        double scale) => new(key, stage, values)
        {
            Batch = batch,
            WithPadding = padding,
            MeasuredOn = measuredOn,
            Scale = scale > 0 ? scale : measuredOn,
        };
}
