using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// A chat template is absent, is no template, asks for something that is not supported, or refuses a conversation.
/// </summary>
public sealed class ChatTemplateException(
    string what, string? where = null, string? found = null, string? expected = null, string? remedy = null,
    Exception? inner = null)
    : InputException(what, where, found, expected, remedy, inner);
