namespace VaccineRef.Experiments.Data;

/// <summary>
/// What became of the rows of one file in one role. Found is the sum of what was left out and of what could be chosen
/// from; drawn is the sum of dropped and trained.
/// </summary>
/// <param name="Name">The role: the stage, or "harmful" and "benign" in a mixture.</param>
/// <param name="File">The file's name without folders.</param>
/// <param name="Kind">Which rows the role takes.</param>
/// <param name="Found">Rows of the file.</param>
/// <param name="OtherKind">Rows that were left out because their label says that they are of the other kind.</param>
/// <param name="Unlabelled">Rows without a label, which were taken to be of the wanted kind.</param>
/// <param name="NotCounted">Rows that were left out because the file's "count" is reached.</param>
/// <param name="HeldOut">Rows that were left out because the evaluation has their prompt.</param>
/// <param name="Asked">Rows that the recipe asks for.</param>
/// <param name="Drawn">Rows that were taken to be trained or tested on.</param>
/// <param name="Dropped">
/// Drawn rows of which nothing was left to learn; in a mixture others were drawn for them.
/// </param>
/// <param name="Trained">Rows that are trained or tested on.</param>
public sealed record RowCounts(
    string Name, string File, RowKind Kind, int Found, int OtherKind = 0, int Unlabelled = 0, int NotCounted = 0,
    int HeldOut = 0, int Asked = 0, int Drawn = 0, int Dropped = 0, int Trained = 0)
{
    /// <summary>The same after rows were drawn.</summary>
    public RowCounts After(int asked, int drawn, int dropped) =>
        this with { Asked = asked, Drawn = drawn, Dropped = dropped, Trained = drawn - dropped };
}
