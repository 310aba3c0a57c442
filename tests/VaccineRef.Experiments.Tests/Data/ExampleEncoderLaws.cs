using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Tests.Data;

public sealed class ExampleEncoderLaws
{
    private static readonly CharacterTokenizer Characters = new(), Merging = new(merges: true);

    [Property]
    public void Labels_ignore_exactly_the_prompt_and_repeat_the_target(
        NonNull<string> instruction, NonNull<string> input, NonNull<string> output)
    {
        var example = Rows.One(instruction.Get, input.Get, output.Get);
        var encoded = new ExampleEncoder(Characters, PromptTemplate.AlpacaVaccine, int.MaxValue).Encode([example]);
        var row = Assert.Single(encoded.Examples);

        string prompt = PromptTemplate.AlpacaVaccine.Render(example);
        Assert.Equal([.. Characters.Encode(prompt + output.Get), Characters.EosId!.Value], row.Tokens);
        Assert.Equal(Characters.Encode(prompt).Length, row.PromptLength);
        Assert.All(row.Labels[..row.PromptLength], label => Assert.Equal(PackedBatch.Ignored, label));
        Assert.Equal(row.Tokens[row.PromptLength..], row.Labels[row.PromptLength..]);
        Assert.False(row.Truncated);
        Assert.Equal((1, 0, 0), (encoded.Report.Kept, encoded.Report.Truncated, encoded.Report.BoundaryMismatches));
    }

    [Fact]
    public void Whoever_stops_is_obeyed_before_the_next_row() => Assert.Throws<OperationCanceledException>(() =>
        new ExampleEncoder(Characters, PromptTemplate.AlpacaVaccine).Encode(
            [Rows.One("a", output: "b")], new(canceled: true)));

    [Property]
    public void A_cut_row_is_a_prefix_and_a_row_without_labels_is_dropped(byte length, NonNull<string> output)
    {
        var template = PromptTemplate.Custom("{instruction}{input}", "{instruction}");
        var example = Rows.One("0123456789", output: output.Get);
        var whole = new ExampleEncoder(Characters, template, int.MaxValue).Encode([example]).Examples[0];
        int maxLength = 2 + length;
        var other = Rows.One("", output: "a", id: "other");
        var encoded = new ExampleEncoder(Characters, template, maxLength).Encode([example, other]);

        bool kept = maxLength > whole.PromptLength;
        Assert.Equal(kept ? [] : [example.Id], encoded.Report.Dropped);
        Assert.Equal(kept ? 2 : 1, encoded.Report.Kept);
        if (!kept)
            return;
        var row = encoded.Examples[0];
        Assert.Equal(whole.Tokens.Take(maxLength), row.Tokens);
        Assert.Equal(whole.Labels.Take(maxLength), row.Labels);
        Assert.Equal(whole.Tokens.Length > maxLength, row.Truncated);
        Assert.Contains(row.Labels, label => label != PackedBatch.Ignored);
    }

    [Fact]
    public void A_token_across_the_boundary_is_an_error_or_is_counted_and_separated()
    {
        Example[] examples = [Rows.One("Say hi.", output: "Hi."), Rows.One("Say nothing.", output: "", id: "empty")];
        var error = Assert.Throws<DataException>(
            () => new ExampleEncoder(Merging, PromptTemplate.AlpacaVaccine).Encode(examples));
        Assert.Contains("token boundary", error.What, StringComparison.Ordinal);

        var encoded = new ExampleEncoder(
            Merging, PromptTemplate.AlpacaVaccine, boundary: BoundaryPolicy.Separate).Encode(examples);
        Assert.Equal(1, encoded.Report.BoundaryMismatches);
        var row = encoded.Examples[0];
        Assert.Equal("Hi.", Merging.Decode(row.Tokens.AsSpan(row.PromptLength)));
        Assert.Equal(row.Tokens[row.PromptLength..], row.Labels[row.PromptLength..]);

        var released = new ExampleEncoder(
            Merging, PromptTemplate.AlpacaVaccine, boundary: BoundaryPolicy.ByLength).Encode(examples);
        Assert.Equal(1, released.Report.BoundaryMismatches);
        Assert.Equal("i.", Merging.Decode(released.Examples[0].Labels.AsSpan(row.PromptLength)));  // no "H"
    }

    [Fact]
    public void Nothing_to_learn_from_is_an_error()
    {
        Assert.Throws<DataException>(
            () => new ExampleEncoder(Characters, PromptTemplate.AlpacaVaccine, 20).Encode([Rows.One("Say hi.")]));
        Assert.Throws<InputException>(() => new ExampleEncoder(Characters, PromptTemplate.AlpacaVaccine, 1));
        Assert.Throws<InputException>(() => new ExampleEncoder(new Endless(), PromptTemplate.AlpacaVaccine));
    }

    private sealed class Endless : ITextTokenizer
    {
        public int VocabularySize => 1;

        public int? BosId => null;

        public int? EosId => null;

        public int? PadId => null;

        public string? EosText => null;

        public int[] Encode(string text, bool addSpecialTokens = true) => [];

        public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true) => "";
    }
}
