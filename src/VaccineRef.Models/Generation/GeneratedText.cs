namespace VaccineRef.Models;

/// <summary>A prompt and what was added to it so far.</summary>
/// <param name="index">Which of the prompts.</param>
/// <param name="prompt">The prompt's tokens.</param>
internal sealed class GeneratedText(int index, int[] prompt)
{
    /// <summary>Which of the prompts; its draws follow from it.</summary>
    public int Index { get; } = index;

    /// <summary>The prompt's tokens.</summary>
    public int[] Prompt { get; } = prompt;

    /// <summary>The tokens added.</summary>
    public List<int> Added { get; } = [];

    /// <summary>Whether its end token was added.</summary>
    public bool Ended { get; set; }

    /// <summary>What the model has yet to read.</summary>
    public int[] Unread => Added.Count == 0 ? Prompt : [Added[^1]];
}
