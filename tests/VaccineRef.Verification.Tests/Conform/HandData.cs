using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Verification.Tests.Conform;

/// <summary>
/// The hand-written port's data: batches, targets and noise, as a case folder has them or as a defect takes them.
/// </summary>
internal sealed class HandData(string folder, string defect)
{
    public int[] Targets(PackedBatch batch)
    {
        if (defect is not ("labels_not_shifted" or "labels_shifted_twice"))
            return batch.Targets;
        int[] targets = [.. batch.Targets.Select(_ => PackedBatch.Ignored)];
        for (int s = 0; s < batch.Sequences; s++)
            for (int row = batch.Offsets[s]; row < batch.Offsets[s + 1]; row++)
                if (defect == "labels_shifted_twice" && row + 1 < batch.Offsets[s + 1])
                    targets[row] = batch.Targets[row + 1];
                else if (defect == "labels_not_shifted" && row > batch.Offsets[s])
                    targets[row] = batch.Targets[row - 1];
        return targets;
    }

    public PackedBatch Batch(string name)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, "batches.safetensors"));
        long[] ids = file.ReadIntegers($"{name}.input_ids"), labels = file.ReadIntegers($"{name}.labels"),
            mask = file.ReadIntegers($"{name}.attention_mask");
        int length = (int)file.Entry($"{name}.input_ids").Shape[1];
        bool all = defect is "mask_ignored" or "padding_counted";
        return PackedBatch.Pack(
        [
            .. Enumerable.Range(0, ids.Length / length).Select(row =>
            {
                int[] at = [.. Enumerable.Range(row * length, length).Where(i => all || mask[i] == 1)];
                return new TokenSequence(
                    [.. at.Select(i => (int)ids[i])],
                    [.. at.Select(i => defect == "prompt_counted" || (defect == "padding_counted" && mask[i] == 0) ? (int)ids[i] : (int)labels[i])]);
            }),
        ]);
    }

    public Dictionary<Site, double[]> Noise(int k, double rho, int layers)
    {
        double deviation = defect == "noise_deviation" ? rho : Math.Sqrt(rho);
        using var noise = SafetensorsFile.Open(Path.Combine(folder, "noise.safetensors"));
        using var batches = SafetensorsFile.Open(Path.Combine(folder, "batches.safetensors"));
        long[] mask = batches.ReadIntegers($"b{k - 1}.attention_mask");
        return Enumerable.Range(0, layers).ToDictionary(layer => new Site(layer, SiteKind.AttentionOutput), layer =>
        {
            double[] unit = Values.Read(noise, $"s{k}/site{layer}").Numbers;
            return unit.Chunk(unit.Length / mask.Length).Where((_, i) => mask[i] == 1)
                .SelectMany(row => row.Select(z => z * deviation)).ToArray();
        });
    }

    /// <summary>From packed rows to rows with padding: what a tensor is whose batch is another.</summary>
    public Dictionary<Site, double[]> Pad(Dictionary<Site, double[]> packed, string name)
    {
        long[] mask = Mask(name);
        return packed.ToDictionary(entry => entry.Key, entry =>
        {
            int columns = entry.Value.Length / mask.Count(m => m == 1), next = 0;
            return mask.SelectMany(m => m == 1 ? entry.Value.AsSpan(columns * next++, columns)
                .ToArray() : new double[columns]).ToArray();
        });
    }

    public Dictionary<Site, double[]> Unpad(Dictionary<Site, double[]> padded, string name)
    {
        long[] mask = Mask(name);
        return padded.ToDictionary(
            entry => entry.Key,
            entry => entry.Value.Chunk(entry.Value.Length / mask.Length).Where((_, i) => mask[i] == 1)
                .SelectMany(row => row).ToArray());
    }

    private long[] Mask(string name)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, "batches.safetensors"));
        return file.ReadIntegers($"{name}.attention_mask");
    }
}
