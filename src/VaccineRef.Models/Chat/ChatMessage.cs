namespace VaccineRef.Models;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role">Who speaks: <see cref="System"/>, <see cref="User"/> or <see cref="Assistant"/>.</param>
/// <param name="Content">What is said.</param>
public sealed record ChatMessage(string Role, string Content)
{
    /// <summary>The role of a text that tells the model how to behave.</summary>
    public const string System = "system";

    /// <summary>The role of whoever asks.</summary>
    public const string User = "user";

    /// <summary>The role of the model.</summary>
    public const string Assistant = "assistant";
}
