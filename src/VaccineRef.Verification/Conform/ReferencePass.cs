using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Verification.Conform;

/// <summary>What one forward and one reverse pass of the model gave. All rows are those of the padded batch.</summary>
/// <param name="Loss">The loss.</param>
/// <param name="Logits">(rows, length, V).</param>
/// <param name="Raw">The hidden embedding at each site, before anything is added, (rows, length, C).</param>
/// <param name="SiteGradients">dL/de at each site, (rows, length, C); zero at padding.</param>
/// <param name="Gradients">dL/dw of each trained parameter.</param>
internal sealed record PassResult(
    double Loss, Values Logits, IReadOnlyDictionary<Site, Values> Raw, IReadOnlyDictionary<Site, Values> SiteGradients,
    IReadOnlyDictionary<string, Values> Gradients);

/// <summary>What a pass minimises.</summary>
/// <param name="Batch">The tokens.</param>
/// <param name="Targets">What each position of the padded batch predicts; -100 for nothing.</param>
/// <param name="Weights">What each position's loss is multiplied with before the sum.</param>
internal sealed record PassInput(PaddedBatch Batch, int[] Targets, double[] Weights)
{
    /// <summary>The divergence that is added, if any.</summary>
    public Divergence? Divergence { get; init; }
}

/// <summary>KL(teacher || model), added to the loss.</summary>
/// <param name="Teacher">The teacher's logits over the same batch.</param>
/// <param name="Lambda">Its weight.</param>
/// <param name="OverTime">
/// As released: a distribution over positions for each entry of the vocabulary (docs/deviations.md, D9).
/// </param>
internal sealed record Divergence(Values Teacher, double Lambda, bool OverTime);

/// <summary>One model on which passes run: all arithmetic that is no bookkeeping of a method.</summary>
internal interface IReferenceModel : IDisposable
{
    /// <summary>What the case trains, with the values on disk, by Hugging Face (or PEFT) names.</summary>
    IReadOnlyDictionary<string, Values> Trained { get; }

    /// <summary>Every weight, trained or not.</summary>
    IReadOnlyDictionary<string, Values> All { get; }

    /// <summary>Where attention's output projection stands, layer by layer.</summary>
    IReadOnlyList<(string Weight, WeightLayout Layout)> OutputProjections { get; }

    /// <summary>How many blocks there are.</summary>
    int Layers { get; }

    /// <summary>Takes these values for the weights that are named.</summary>
    void Set(IReadOnlyDictionary<string, Values> weights);

    /// <summary>Runs forward and reverse with e_l + shift_l at the sites that are named.</summary>
    PassResult Run(PassInput input, IReadOnlyDictionary<Site, Values>? shift = null);
}
