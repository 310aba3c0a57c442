namespace VaccineRef.Experiments.Data;

/// <summary>
/// A record of a file that was read and of how it was read. It is enough to tell whether another run read the same
/// bytes in the same way.
/// </summary>
/// <param name="Name">The name of the file, without its folders.</param>
/// <param name="Sha256">The SHA-256 hash of the file as it is stored, in lower-case hexadecimal.</param>
/// <param name="Bytes">The size of the file as it is stored.</param>
/// <param name="Rows">The number of rows in the file.</param>
/// <param name="Reader">The format and the preset, such as "gzip json-lines as beavertails".</param>
public sealed record SourceFile(string Name, string Sha256, long Bytes, int Rows, string Reader);
