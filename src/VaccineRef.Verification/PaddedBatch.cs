using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Verification;

/// <summary>One padded batch as PyTorch saw it: (rows, length) of ids, labels and mask.</summary>
internal sealed class PaddedBatch
{
    private readonly long[] _ids, _labels, _mask;

    public PaddedBatch(long[] ids, long[]? labels, long[] mask, int length)
    {
        (_ids, _labels, _mask, Length) = (ids, labels ?? [.. ids.Select(_ => (long)PackedBatch.Ignored)], mask, length);
        Real = [.. Enumerable.Range(0, mask.Length).Where(i => mask[i] != 0)];
    }

    public int Length { get; }

    /// <summary>Token ids, (rows, length).</summary>
    public IReadOnlyList<long> Ids => _ids;

    /// <summary>Labels under their own tokens, (rows, length).</summary>
    public IReadOnlyList<long> Labels => _labels;

    /// <summary>1 where a token is real, (rows, length).</summary>
    public IReadOnlyList<long> Mask => _mask;

    public int Rows => _ids.Length / Length;

    /// <summary>Where the real tokens stand, in packed order: index into the padded (rows * length).</summary>
    public int[] Real { get; }

    /// <summary>Reads a batch's three tensors.</summary>
    /// <exception cref="InputException">One is missing, they are no matrices, or they are not of one shape.</exception>
    public static PaddedBatch Read(SafetensorsFile file, string name)
    {
        long[] Integers(string part)
        {
            var (ids, entry) = (file.Entry($"{name}.input_ids"), file.Entry($"{name}.{part}"));
            if (entry.Shape is not [> 0, > 0] || !entry.Shape.SequenceEqual(ids.Shape))
                throw new InputException(
                    "a batch is no matrix of tokens", $"{file.Path}, tensor {entry.Name}", $"{entry}",
                    "ids, labels and mask of one shape, (rows, length)");
            return file.ReadIntegers(entry.Name);
        }

        return new(
            Integers("input_ids"), Integers("labels"), Integers("attention_mask"),
            (int)file.Entry($"{name}.input_ids").Shape[1]);
    }

    /// <summary>
    /// The real tokens as packed rows. What the mask hides is left out: positions count real tokens, as cumsum(mask)
    /// does.
    /// </summary>
    public PackedBatch Pack() => PackedBatch.Pack(Sequences());

    /// <summary>The real tokens, one sequence a row.</summary>
    public IReadOnlyList<TokenSequence> Sequences() =>
        [.. Enumerable.Range(0, Rows).Select(row => Sequence(row, onlyReal: true))];

    /// <summary>Padding fed as tokens: what PyTorch sees when it is given no mask.</summary>
    public PackedBatch PackWithPadding() =>
        PackedBatch.Pack([.. Enumerable.Range(0, Rows).Select(row => Sequence(row, onlyReal: false))]);

    /// <summary>The same ids under another mask.</summary>
    public PaddedBatch WithMask(long[] mask) => new(_ids, null, mask, Length);

    private TokenSequence Sequence(int row, bool onlyReal)
    {
        int[] at = [.. Enumerable.Range(row * Length, Length).Where(i => !onlyReal || _mask[i] != 0)];
        return new([.. at.Select(i => (int)_ids[i])], [.. at.Select(i => (int)_labels[i])], $"row {row}");
    }

    /// <summary>The packed rows of a padded (rows, length, columns) tensor.</summary>
    public Difference? Pick(Values padded, int columns, out Values packed)
    {
        packed = new([], [0, columns]);
        if (!padded.Shape.SequenceEqual([Rows, Length, columns]))
            return new(
                double.PositiveInfinity,
                Problem: $"it has the shape {padded.Extents}, expected [{Rows}, {Length}, {columns}]");
        packed = new(PackedRows(padded.Numbers, columns), [Real.Length, columns]);
        return null;
    }

    /// <summary>Our packed rows inside a padded tensor, (rows, length, columns), zero elsewhere.</summary>
    public Values Pad(double[] packed, int columns)
    {
        var padded = new double[Rows * Length * columns];
        for (int row = 0; row < Real.Length; row++)
            Array.Copy(packed, row * columns, padded, Real[row] * columns, columns);
        return new(padded, [Rows, Length, columns]);
    }

    private double[] PackedRows(double[] padded, int columns)
    {
        var packed = new double[Real.Length * columns];
        for (int row = 0; row < Real.Length; row++)
            Array.Copy(padded, Real[row] * columns, packed, row * columns, columns);
        return packed;
    }
}
