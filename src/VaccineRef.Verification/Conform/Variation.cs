using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>Over what a port takes the norm that its perturbation is divided by.</summary>
internal enum NormKind
{
    /// <summary>All sites, sequences and tokens of the ball, as the paper has it.</summary>
    All,

    /// <summary>Every site by itself.</summary>
    Site,

    /// <summary>Every sequence by itself, over all sites.</summary>
    Sample,

    /// <summary>Every token by itself, at every site.</summary>
    Token,

    /// <summary>The sum of the sites' norms instead of the root of the sum of their squares.</summary>
    SumOfSites,

    /// <summary>The square of the norm: the root is missing.</summary>
    Squared,

    /// <summary>No norm: eps = rho g.</summary>
    None,

    /// <summary>The sign of the gradient instead: a ball of the maximum norm.</summary>
    Sign,

    /// <summary>Every tensor of the weights by itself, where weights are moved.</summary>
    Tensor,
}

/// <summary>How the size of the hidden embeddings bears on a perturbation that is to be a share of it.</summary>
internal enum Sizing
{
    /// <summary>eps = rho e^2 g / || |e| g ||.</summary>
    Squared,

    /// <summary>eps = rho |e| g / || |e| g ||.</summary>
    Once,

    /// <summary>eps = rho g / ||g||: not at all.</summary>
    None,
}

/// <summary>How token losses become one.</summary>
internal enum LossReduction
{
    /// <summary>Their mean over the counted tokens.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>The mean over sequences of each sequence's mean.</summary>
    SequenceMean,
}

/// <summary>Which label a position is held to.</summary>
internal enum LabelShift
{
    /// <summary>The next token's.</summary>
    Next,

    /// <summary>Its own: labels not shifted at all.</summary>
    None,

    /// <summary>The one after the next: labels shifted twice.</summary>
    Twice,
}

/// <summary>How the gradients of a step's parts become one.</summary>
internal enum PartSum
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>The last part's share alone: what came before was set to zero (docs/deviations.md, D6).</summary>
    LastOnly,
}

/// <summary>
/// The reference and what can be done otherwise: the defaults are the paper's step, and each known defect changes one
/// thing.
/// </summary>
internal sealed record Variation
{
    public static Variation Reference { get; } = new();

    // which site is moved, which counts in the norm; both by site and number of blocks
    public Func<Site, int, bool> Moves { get; init; } = (site, _) => site.Kind == SiteKind.AttentionOutput;

    public Func<Site, int, bool>? Counts { get; init; }

    public bool BeforeProjection { get; init; }

    public bool LayersIgnored { get; init; }        // layers moved that the case did not choose

    // the perturbation
    public NormKind Norm { get; init; } = NormKind.All;

    public Func<double, double> Radius { get; init; } = rho => rho;

    public double? Guard { get; init; }

    public Sizing Sizing { get; init; } = Sizing.Squared;       // where the perturbation is a share of the embeddings

    public bool OtherBalls { get; init; }           // ranks each have their own, micro-batches share one

    public bool Stale { get; init; }

    public double Applied { get; init; } = 1;       // how often it is added in the second pass

    public bool ThroughGraph { get; init; }

    public bool AlsoFirstPass { get; init; }        // the hooks of the last step are still there

    public Func<double, double> Deviation { get; init; } = Math.Sqrt;   // of random noise, from rho'

    public int TauOffset { get; init; }

    // passes and their sum
    public bool NoSecondPass { get; init; }

    public bool NotRestored { get; init; }          // the weights, where they were moved

    public bool FirstPassKept { get; init; }

    public PartSum Parts { get; init; } = PartSum.Mean;

    public bool NeverZeroed { get; init; }

    // the loss
    public LossReduction Reduction { get; init; } = LossReduction.Mean;

    public LabelShift Labels { get; init; } = LabelShift.Next;

    public bool PromptCounted { get; init; }

    public bool PaddingCounted { get; init; }

    public bool MaskIgnored { get; init; }

    public bool KlOverTime { get; init; }

    public double AdapterScale { get; init; } = 1;

    // the update
    public bool HeldTrained { get; init; }          // what the case holds

    public bool HeldZeroed { get; init; }           // its gradient alone: decay and momentum go on

    public bool DecayVectors { get; init; }

    public bool NoDecay { get; init; }

    public bool CoupledDecay { get; init; }

    public bool NoClipping { get; init; }

    public bool ClipEachTensor { get; init; }

    public bool NoBiasCorrection { get; init; }

    public bool EpsilonInsideRoot { get; init; }

    /// <summary>The part of a variation that its first pass depends on.</summary>
    public Variation OfLoss() => Reference with
    {
        Reduction = Reduction,
        Labels = Labels,
        PromptCounted = PromptCounted,
        PaddingCounted = PaddingCounted,
        MaskIgnored = MaskIgnored,
        KlOverTime = KlOverTime,
        AdapterScale = AdapterScale,
    };

    public bool Measured(Site site, int layers) => (Counts ?? Moves)(site, layers);
}
