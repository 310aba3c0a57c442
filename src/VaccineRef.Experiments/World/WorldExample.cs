namespace VaccineRef.Experiments.World;

/// <summary>One question and its answer. A statement uses only one of the words of its item.</summary>
public sealed record WorldExample(string Prompt, string Answer, WorldKind Kind, Item Item);
