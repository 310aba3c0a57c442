using VaccineRef.Models;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>What the model answered, out of what it generated.</summary>
public static class AnswerText
{
    private const string Marker = "### Response:";

    /// <summary>
    /// The text behind the prompt, whose length in tokens is known: right whatever the prompt contains.
    /// </summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="tokens">Prompt and continuation.</param>
    /// <param name="promptLength">How many tokens the prompt has.</param>
    public static string Continuation(ITextTokenizer tokenizer, ReadOnlySpan<int> tokens, int promptLength) =>
        tokenizer.Decode(tokens[promptLength..]).Trim();

    /// <summary>
    /// As released: the text between the first "### Response:" and the next one, if any, trimmed. A prompt that
    /// contains the marker itself is cut in the wrong place. Source: Vaccine <c>pred.py</c>, <c>output.split("###
    /// Response:")[1].strip()</c>.
    /// </summary>
    /// <returns>The answer, or null where there is no marker.</returns>
    public static string? BetweenMarkers(string decoded) =>
        decoded.Split(Marker) is [_, var answer, ..] ? answer.Trim() : null;
}
