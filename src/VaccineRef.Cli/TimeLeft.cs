namespace VaccineRef.Cli;

/// <summary>
/// Estimates how long a piece of work still takes. Nothing is said before the estimate is stable: what the whole was
/// estimated at when half as much was done may differ from what it is estimated at now by no more than a quarter.
/// </summary>
internal sealed class TimeLeft
{
    private const double Least = 0.01, Moves = 0.25;
    private static readonly TimeSpan Soonest = TimeSpan.FromSeconds(2);

    private readonly List<(double Share, TimeSpan Whole)> _estimates = [];

    /// <summary>The time left; null while it is not known.</summary>
    /// <param name="share">The share of the work that is done, from 0 to 1.</param>
    /// <param name="elapsed">How long that took.</param>
    public TimeSpan? At(double share, TimeSpan elapsed)
    {
        if (share is < Least or >= 1)
            return null;
        var whole = elapsed / share;
        if (_estimates.Count == 0 || share >= _estimates[^1].Share + Least)
            _estimates.Add((share, whole));
        int before = _estimates.FindLastIndex(each => each.Share <= share / 2);
        return before >= 0 && elapsed >= Soonest && Math.Abs(_estimates[before].Whole / whole - 1) <= Moves
            ? whole - elapsed
            : null;
    }

    /// <summary>The time left as people read it, after a comma; empty while it is not known.</summary>
    public string Text(double share, TimeSpan elapsed) =>
        At(share, elapsed) is { } left ? $", {left:hh\\:mm\\:ss} left" : "";
}
