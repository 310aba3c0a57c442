using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

/// <summary>What can be packed, and what is refused by its name, wherever it stands among others.</summary>
public sealed class PackedBatchTests
{
    [Property]
    public void A_sequence_of_no_token_or_with_other_labels_is_refused_by_name(
        byte before, byte behind, byte tokens, byte labels)
    {
        TokenSequence[] Others(int count) =>
            [.. Enumerable.Range(0, count % 4).Select(_ => new TokenSequence([1, 2], [1, 2]))];
        var drawn = new TokenSequence(new int[tokens % 4], new int[labels % 4], "this one");
        TokenSequence[] sequences = [.. Others(before), drawn, .. Others(behind)];
        if (drawn.Tokens.Length > 0 && drawn.Labels.Length == drawn.Tokens.Length)
        {
            Assert.Equal(sequences.Sum(sequence => sequence.Tokens.Length), PackedBatch.Pack(sequences).Rows);
            return;
        }

        var error = Assert.Throws<InputException>(() => PackedBatch.Pack(sequences));
        Assert.Equal("this one", error.Where);
        Assert.Contains(
            $"{drawn.Tokens.Length} tokens, {drawn.Labels.Length} labels", error.Message, StringComparison.Ordinal);
    }
}
