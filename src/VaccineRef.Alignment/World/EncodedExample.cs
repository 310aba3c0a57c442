namespace VaccineRef.Alignment.World;

/// <summary>
/// Tokens of prompt, answer and end of text, and labels of the same length: <c>Labels[i]</c> is <c>Tokens[i]</c> where
/// the token counts and -100 where it does not (Hugging Face's convention; the loss shifts by one).
/// </summary>
public sealed record EncodedExample(int[] Tokens, int[] Labels);
