namespace VaccineRef.Experiments.World;

/// <summary>One question and its answer; a statement tells of one word of its item only.</summary>
public sealed record WorldExample(string Prompt, string Answer, WorldKind Kind, Item Item);
