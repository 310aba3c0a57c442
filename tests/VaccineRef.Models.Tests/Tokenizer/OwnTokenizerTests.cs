namespace VaccineRef.Models.Tests.Tokenizer;

/// <summary>What a tokenizer of one's own has without writing it.</summary>
public sealed class OwnTokenizerTests
{
    [Fact]
    public void A_marked_text_gets_no_tokens_around_it()
    {
        ITextTokenizer tokenizer = new Letters();
        Assert.Equal([99, 'a', 'b'], tokenizer.Encode("ab"));
        Assert.Equal(['a', 'b'], tokenizer.EncodeMarked("ab"));
    }

    private sealed class Letters : ITextTokenizer
    {
        public int VocabularySize => 128;

        public int? BosId => 99;

        public int? EosId => null;

        public int? PadId => null;

        public string? EosText => null;

        public int[] Encode(string text, bool addSpecialTokens = true) =>
            [.. addSpecialTokens ? (int[])[99] : [], .. text.Select(letter => (int)letter)];

        public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true) =>
            string.Concat(ids.ToArray().Select(id => (char)id));
    }
}
