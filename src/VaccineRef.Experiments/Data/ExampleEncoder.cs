using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Turns examples into training rows. The tokens are encode(prompt + output), followed by the end of text, or those of
/// a conversation as its chat template writes it. The labels ignore all but the answers; where an answer begins and
/// ends is found by tokenizing the text before alone. Source: <c>preprocess</c> in Vaccine's
/// <c>train.py</c>. In contrast to the released code, this class checks that the mask ends at a token boundary, and it
/// drops and names rows without a label that counts, for which the loss would be 0/0 (docs/deviations.md, D21).
/// </summary>
public sealed class ExampleEncoder
{
    private readonly ITextTokenizer _tokenizer;
    private readonly PromptTemplate _template;
    private readonly int _maxLength;
    private readonly BoundaryPolicy _boundary;
    private readonly int _eos;

    // A row is looked at several times: whether it fits, in its role, and once for every trial that has it.
    private readonly ConditionalWeakTable<Example, TokenizedExample> _encoded = [];

    /// <param name="tokenizer">The tokenizer. It must have an end-of-text token.</param>
    /// <param name="template">The text around the instruction.</param>
    /// <param name="maxLength">The number of tokens at which rows are cut off, at least 2.</param>
    /// <param name="boundary">What to do if the end of a prompt is not a token boundary.</param>
    public ExampleEncoder(
        ITextTokenizer tokenizer, PromptTemplate template, int maxLength = 200,
        BoundaryPolicy boundary = BoundaryPolicy.Error)
    {
        if (maxLength < 2)
            throw new InputException(
                "a row needs room for a prompt and a label", found: $"maximal length {maxLength}",
                expected: "at least 2");
        _eos = tokenizer.EosId ?? throw new InputException(
            "the tokenizer has no end-of-text token", expected: "one, for every training target ends in it");
        (_tokenizer, _template, _maxLength, _boundary) = (tokenizer, template, maxLength, boundary);
    }

    /// <summary>Encodes rows in the given order.</summary>
    /// <param name="examples">The rows.</param>
    /// <param name="cancel">Stops after the row under way.</param>
    /// <exception cref="DataException">
    /// A prompt does not end at a token boundary and the policy is <see cref="BoundaryPolicy.Error"/>, or no row has a
    /// label that counts.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public EncodedExamples Encode(IReadOnlyCollection<Example> examples, CancellationToken cancel = default)
    {
        var kept = new List<TokenizedExample>(examples.Count);
        var dropped = new List<string>();
        int mismatches = 0;
        foreach (var example in examples)
        {
            cancel.ThrowIfCancellationRequested();
            var row = Encoded(example);
            mismatches += row.Mismatch ? 1 : 0;
            if (row.PromptLength < row.Tokens.Length)        // the first label that counts is in the row
                kept.Add(row);
            else
                dropped.Add(row.Id);
        }

        if (kept.Count == 0)
            throw new DataException(
                "no row has a label that counts", dropped.FirstOrDefault(),
                found: $"{examples.Count} rows, {dropped.Count} with prompts too long",
                expected: $"at least one prompt under {_maxLength} tokens", remedy: "raise max_length");
        return new([.. kept], new(
            _maxLength, _boundary, kept.Count, kept.Count(row => row.Truncated), mismatches, [.. dropped]));
    }

    /// <summary>
    /// Whether a row has at least one counted label, that is, whether its prompt leaves room for one.
    /// </summary>
    /// <exception cref="DataException">
    /// The prompt does not end at a token boundary, and the policy is to stop.
    /// </exception>
    public bool Fits(Example example)
    {
        var row = Encoded(example);
        return row.PromptLength < row.Tokens.Length;
    }

    private TokenizedExample Encoded(Example example)
    {
        if (!_encoded.TryGetValue(example, out var row))
            _encoded.Add(example, row = Encode(example));
        return row;
    }

    private TokenizedExample Encode(Example example)
    {
        var passages = _template.Passages(example, _tokenizer);
        int[][] before = Boundaries(passages);
        int[] tokens = _template.Encode(string.Concat(passages.Select(passage => passage.Text)), _tokenizer);
        var wrong = before.FirstOrDefault(prefix => !tokens.AsSpan().StartsWith(prefix));
        bool mismatch = wrong is not null;
        if (mismatch && _boundary == BoundaryPolicy.Error)
            throw new DataException(
                passages.Count == 2
                    ? "a prompt does not end at a token boundary"
                    : "a turn does not begin and end at token boundaries", example.Id,
                found: $"the first {wrong!.Length} tokens of prompt and target differ from the prompt's own",
                expected: "the prompt's tokens as a prefix",
                remedy: $"use the boundary policy {BoundaryPolicy.Separate} or {BoundaryPolicy.ByLength}");
        int[] ends = [.. before.Select(prefix => prefix.Length), tokens.Length];
        if (mismatch && _boundary == BoundaryPolicy.Separate)
            (tokens, ends) = Separately(passages, before[0]);
        int[] whole = _template.AppendsEnd ? [.. tokens, _eos] : tokens;
        int[] row = whole[..Math.Min(whole.Length, _maxLength)];
        int[] labels = Labels(row, passages, ends);
        int first = labels.AsSpan().IndexOfAnyExcept(PackedBatch.Ignored);
        return new(row, labels, first < 0 ? row.Length : first, example.Id, row.Length < whole.Length) { Mismatch = mismatch };
    }

    /// <summary>The tokens of the text before every boundary.</summary>
    private int[][] Boundaries(IReadOnlyList<Passage> passages)
    {
        string text = "";
        return [.. passages.SkipLast(1).Select(passage => _template.Encode(text += passage.Text, _tokenizer))];
    }

    private (int[] Tokens, int[] Ends) Separately(IReadOnlyList<Passage> passages, int[] first)
    {
        var tokens = new List<int>(first);
        var ends = new List<int> { first.Length };
        foreach (var passage in passages.Skip(1))
        {
            tokens.AddRange(_template.EncodePart(passage.Text, _tokenizer));
            ends.Add(tokens.Count);
        }

        return ([.. tokens], [.. ends]);
    }

    // an end of text that was added belongs to the last passage
    private static int[] Labels(int[] row, IReadOnlyList<Passage> passages, int[] ends)
    {
        int[] labels = [.. row];
        int at = 0;
        foreach (var (i, passage) in passages.Index())
        {
            int end = i == passages.Count - 1 ? row.Length : Math.Clamp(ends[i], at, row.Length);
            if (!passage.Learned)
                labels.AsSpan(at, end - at).Fill(PackedBatch.Ignored);
            at = end;
        }

        return labels;
    }
}
