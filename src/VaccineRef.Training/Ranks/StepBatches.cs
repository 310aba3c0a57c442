using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The micro-batches of a step, and which of them a rank takes: those whose number has its own as the remainder by the
/// number of ranks.
/// </summary>
/// <param name="All">All of them, the same on every rank.</param>
/// <param name="Weight">How they are weighted.</param>
/// <param name="Rank">The number of this rank.</param>
/// <param name="Ranks">How many ranks there are.</param>
public sealed record StepBatches(IReadOnlyList<PackedBatch> All, AccumulationWeight Weight, int Rank = 0, int Ranks = 1)
{
    /// <summary>The numbers of those that this rank takes; none if there are fewer than ranks before it.</summary>
    public IEnumerable<int> Own => Of(Rank);

    /// <summary>The weight of a micro-batch among all of the step.</summary>
    public double Scale(int microBatch) => Scale(microBatch, All.Count, Counted);

    /// <summary>The weight of a micro-batch among those of its rank.</summary>
    public double ScaleInRank(int microBatch)
    {
        PackedBatch[] rank = [.. Of(microBatch % Ranks).Select(i => All[i])];
        return Scale(microBatch, rank.Length, rank.Sum(batch => batch.Counted));
    }

    private int Counted { get; } = All.Sum(batch => batch.Counted);

    private IEnumerable<int> Of(int rank)
    {
        for (int i = rank; i < All.Count; i += Ranks)
            yield return i;
    }

    private double Scale(int microBatch, int among, int counted) =>
        Weight == AccumulationWeight.Token ? (double)All[microBatch].Counted / counted : 1.0 / among;
}
