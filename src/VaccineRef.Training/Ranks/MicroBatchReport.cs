
namespace VaccineRef.Training;

/// <summary>What one micro-batch took, as the ranks tell each other.</summary>
/// <param name="Report">What the rule reports.</param>
/// <param name="Forwards">Forward passes.</param>
/// <param name="Reverses">Reverse passes.</param>
/// <param name="Peak">The most bytes of activations on its rank so far.</param>
/// <param name="Taken">The streams that it took a batch of.</param>
internal sealed record MicroBatchReport(
    RuleReport Report, long Forwards, long Reverses, long Peak, IReadOnlyCollection<string> Taken)
{
    /// <summary>The report as bytes, every number with all its bits.</summary>
    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        foreach (double number in (double[])[
            Report.Loss, Report.CleanLoss ?? 0, Report.SiteGradientNorm ?? 0, Report.PerturbationNorm,
            Report.WeightShift])
            writer.Write(number);
        writer.Write(Report.CleanLoss is not null);
        writer.Write(Report.SiteGradientNorm is not null);
        foreach (long number in (long[])[Forwards, Reverses, Peak])
            writer.Write(number);
        writer.Write(Taken.Count);
        foreach (string name in Taken)
            writer.Write(name);
        writer.Write(Report.Scalars?.Count ?? -1);
        foreach (var (name, value) in Report.Scalars ?? new Dictionary<string, double>())
        {
            writer.Write(name);
            writer.Write(value);
        }

        return bytes.ToArray();
    }

    /// <summary>The report that somebody wrote.</summary>
    public static MicroBatchReport Of(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes));
        double loss = reader.ReadDouble(), clean = reader.ReadDouble(), site = reader.ReadDouble(),
            epsilon = reader.ReadDouble();
        double shift = reader.ReadDouble();
        bool hasClean = reader.ReadBoolean(), hasSite = reader.ReadBoolean();
        long forwards = reader.ReadInt64(), reverses = reader.ReadInt64(), peak = reader.ReadInt64();
        string[] taken = [.. Enumerable.Range(0, reader.ReadInt32()).Select(_ => reader.ReadString())];
        int scalars = reader.ReadInt32();
        var report = new RuleReport(loss, hasClean ? clean : null, hasSite ? site : null, epsilon, shift)
        {
            Scalars = scalars < 0
                ? null
                : Enumerable.Range(0, scalars).ToDictionary(_ => reader.ReadString(), _ => reader.ReadDouble()),
        };
        return new(report, forwards, reverses, peak, taken);
    }
}
