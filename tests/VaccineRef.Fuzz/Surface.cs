namespace VaccineRef.Fuzz;

/// <summary>A place where files of strangers come in.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Seed">Writes a folder of small files that are accepted; the number chooses one of several.</param>
/// <param name="Targets">The files of the folder that are altered, as the pattern of a search.</param>
/// <param name="Open">
/// Makes the reading of a seed's folder, which is done for every input as the program does it: it returns, or it throws
/// one of the exceptions for wrong input. What depends on no file that is altered may be made here, once.
/// </param>
public sealed record Surface(
    string Name, Action<string, int> Seed, IReadOnlyList<string> Targets, Func<string, Action> Open)
{
    /// <summary>A surface that makes everything anew for every input.</summary>
    public Surface(string name, Action<string, int> seed, IReadOnlyList<string> targets, Action<string> read)
        : this(name, seed, targets, folder => () => read(folder))
    {
    }

    /// <summary>How many seeds there are.</summary>
    public int Seeds { get; init; } = 1;

    /// <summary>The most time that one reading may take.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The most bytes that reading may take beside 64 for each byte of the folder: what the model or the kit needs.
    /// </summary>
    public long Overhead { get; init; } = 64 << 20;
}
