using VaccineRef.Models;

namespace VaccineRef.Verification.Conform;

/// <summary>
/// What each position of a padded batch predicts and how much its loss counts: the mean over next counted tokens.
/// </summary>
internal static class Losses
{
    /// <summary>The input of a pass over a batch.</summary>
    public static PassInput Of(PaddedBatch batch, Variation variation)
    {
        var seen = variation.MaskIgnored ? batch.WithMask([.. batch.Mask.Select(_ => 1L)]) : batch;
        int offset = variation.Labels switch { LabelShift.None => 0, LabelShift.Twice => 2, _ => 1 };
        var targets = new int[batch.Ids.Count];
        for (int at = 0; at < targets.Length; at++)
        {
            bool inside = (at % batch.Length) + offset < batch.Length;
            targets[at] = inside && seen.Mask[at] != 0 ? Label(batch, at + offset, variation) : PackedBatch.Ignored;
        }

        return new(seen, targets, Weights(targets, batch, variation.Reduction));
    }

    private static int Label(PaddedBatch batch, int at, Variation variation) =>
        variation.PromptCounted || variation.PaddingCounted
            ? batch.Mask[at] != 0
                ? variation.PromptCounted ? (int)batch.Ids[at] : (int)batch.Labels[at]
                : variation.PaddingCounted ? (int)batch.Ids[at] : PackedBatch.Ignored
            : batch.Mask[at] != 0 ? (int)batch.Labels[at] : PackedBatch.Ignored;

    private static double[] Weights(int[] targets, PaddedBatch batch, LossReduction reduction)
    {
        int counted = Math.Max(1, targets.Count(target => target != PackedBatch.Ignored));
        int[] each = [.. targets.Chunk(batch.Length).Select(row => row.Count(target => target != PackedBatch.Ignored))];
        int sequences = Math.Max(1, each.Count(count => count > 0));
        return
        [
            .. targets.Select((target, at) => target == PackedBatch.Ignored ? 0 : reduction switch
            {
                LossReduction.Sum => 1.0,
                LossReduction.SequenceMean => 1.0 / sequences / each[at / batch.Length],
                _ => 1.0 / counted,
            }),
        ];
    }
}
