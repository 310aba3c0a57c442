namespace VaccineRef.Models.Tokenizer;

/// <summary>Turns a word (normalised text without added tokens) into ids.</summary>
internal interface ITokenModel
{
    void Encode(ReadOnlySpan<char> word, List<int> ids);
}

/// <summary>Turns ids back into text.</summary>
internal interface ITokenDecoder
{
    string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens);
}
