namespace VaccineRef.Experiments.Data;

/// <summary>
/// Which file was read, and how: enough to tell whether another run read the same bytes the same way.
/// </summary>
/// <param name="Name">The file's name without folders.</param>
/// <param name="Sha256">SHA-256 of the file as stored, lower-case hexadecimal.</param>
/// <param name="Bytes">The file's size as stored.</param>
/// <param name="Rows">How many rows it holds.</param>
/// <param name="Reader">Format and preset, as in "gzip json-lines as beavertails".</param>
public sealed record SourceFile(string Name, string Sha256, long Bytes, int Rows, string Reader);
