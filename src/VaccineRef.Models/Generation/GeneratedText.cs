namespace VaccineRef.Models;

/// <summary>A prompt, and the tokens that were added to it so far.</summary>
/// <param name="index">The number of the prompt.</param>
/// <param name="prompt">The tokens of the prompt.</param>
internal sealed class GeneratedText(int index, int[] prompt)
{
    /// <summary>The number of the prompt. It determines the random numbers with which tokens are drawn.</summary>
    public int Index { get; } = index;

    /// <summary>The tokens of the prompt.</summary>
    public int[] Prompt { get; } = prompt;

    /// <summary>The tokens that were added.</summary>
    public List<int> Added { get; } = [];

    /// <summary>Whether an end token was added.</summary>
    public bool Ended { get; set; }

    /// <summary>The tokens that the model has not read yet.</summary>
    public int[] Unread => Added.Count == 0 ? Prompt : [Added[^1]];
}
