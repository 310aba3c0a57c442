using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// A tokenizer's files are absent, broken or ask for something we do not do; or a text or id does not fit the
/// vocabulary.
/// </summary>
public sealed class TokenizerException(
    string what, string? where = null, string? found = null, string? expected = null, string? remedy = null,
    Exception? inner = null)
    : InputException(what, where, found, expected, remedy, inner);
