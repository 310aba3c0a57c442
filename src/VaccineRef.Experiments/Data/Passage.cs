namespace VaccineRef.Experiments.Data;

/// <summary>A stretch of a row's text.</summary>
/// <param name="Text">The text.</param>
/// <param name="Learned">Whether its tokens count in the loss.</param>
internal readonly record struct Passage(string Text, bool Learned);
