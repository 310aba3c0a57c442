using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>A turn of a conversation as a file has it.</summary>
/// <param name="Message">Who says what.</param>
/// <param name="Learned">
/// Whether it is learned: every turn of the model, but for those that the file gives no weight.
/// </param>
public sealed record ChatTurn(ChatMessage Message, bool Learned)
{
    /// <summary>Whether the model speaks.</summary>
    public bool IsAnswer => Message.Role == ChatMessage.Assistant;
}
