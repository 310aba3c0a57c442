using System.Collections.Immutable;

namespace VaccineRef.Experiments.Data;

/// <summary>The rows that one role may draw from, and what was left out before.</summary>
/// <param name="Rows">The rows, in their order.</param>
/// <param name="Counts">What was left out; nothing is drawn yet.</param>
public sealed record RowPool(ImmutableArray<Example> Rows, RowCounts Counts)
{
    /// <summary>Rows from which nothing was left out.</summary>
    public static RowPool Of(string name, IReadOnlyCollection<Example> rows) =>
        new([.. rows], new(name, "", RowKind.Any, rows.Count));

    /// <summary>The rows of a file that are of the wanted kind.</summary>
    /// <param name="name">The role.</param>
    /// <param name="file">The file.</param>
    /// <param name="kind">Which rows are wanted.</param>
    /// <param name="prompts">
    /// Whether only prompts are wanted. Rows of the preset "refusals" answer harmful instructions safely: their prompts
    /// are taken although their answers are safe.
    /// </param>
    /// <exception cref="DataException">The file has no row of that kind.</exception>
    public static RowPool Of(string name, DataSet file, RowKind kind, bool prompts = false)
    {
        bool Wanted(Example row) => kind == RowKind.Any || row.IsSafe is null || row.IsSafe == (kind == RowKind.Safe)
            || (prompts && row.Source == TaskPreset.Refusals.Id);
        ImmutableArray<Example> rows = kind == RowKind.Any ? file.Examples : [.. file.Examples.Where(Wanted)];
        var counts = new RowCounts(
            name, file.Name, kind, file.Examples.Length, file.Examples.Length - rows.Length,
            file.Examples.Count(row => row.IsSafe is null));
        var pool = new RowPool(rows, counts);
        return rows.IsEmpty ? throw pool.TooFew(1, dropped: 0) : pool;
    }

    /// <summary>As many of the rows as the file's "count" says; 0 takes all.</summary>
    /// <exception cref="DataException">There are not so many.</exception>
    public RowPool Limit(int count, Sampling sampling, ulong seed)
    {
        int wanted = count > 0 ? count : Rows.Length;
        if (wanted > Rows.Length)
            throw TooFew(wanted, dropped: 0);
        return new(
            sampling.Take(Rows, wanted, seed, Counts.Name),
            Counts with { NotCounted = Counts.NotCounted + Rows.Length - wanted });
    }

    /// <summary>The rows whose prompt the evaluation lacks.</summary>
    public RowPool Without(IEnumerable<Example> heldOut)
    {
        var overlap = PromptOverlap.Remove(Rows, heldOut);
        return new(overlap.Kept, Counts with { HeldOut = Counts.HeldOut + overlap.Removed.Length });
    }

    /// <summary>
    /// Draws rows. A row that does not fit is dropped and the next one of the same order is drawn for it, so that the
    /// number holds; where every row fits, the rows are those of <see cref="RowSampling.Take"/>.
    /// </summary>
    /// <param name="sampling">Which rows, in which order.</param>
    /// <param name="count">How many.</param>
    /// <param name="seed">The seed of the order.</param>
    /// <param name="fits">Whether something of a row is left to learn; null where that is not known.</param>
    /// <exception cref="DataException">Too few rows fit.</exception>
    public (ImmutableArray<Example> Rows, ImmutableArray<Example> Dropped, RowCounts Counts) Draw(
        Sampling sampling, int count, ulong seed, Func<Example, bool>? fits = null)
    {
        if (count < 0 || count > Rows.Length)
            throw TooFew(count, dropped: 0);
        var drawn = ImmutableArray.CreateBuilder<Example>(count);
        var dropped = ImmutableArray.CreateBuilder<Example>();
        foreach (int row in sampling.Order(Rows.Length, seed, Counts.Name))
        {
            if (drawn.Count == count)
                break;
            (fits is null || fits(Rows[row]) ? drawn : dropped).Add(Rows[row]);
        }

        if (drawn.Count < count)
            throw TooFew(count, dropped.Count);
        return (drawn.ToImmutable(), dropped.ToImmutable(), Counts.After(count, count + dropped.Count, dropped.Count));
    }

    private DataException TooFew(int count, int dropped)
    {
        string kind = Counts.Kind switch { RowKind.Safe => " safe", RowKind.Unsafe => " unsafe", _ => "" };
        string other = Counts.Kind == RowKind.Safe ? "unsafe" : "safe";
        (int Count, string Why, string Remedy)[] causes =
        [
            (Counts.OtherKind, $"labelled {other}",
                "give a file with more rows of the wanted kind, or read this one by fields without is_safe to take all rows"),
            (Counts.NotCounted, "beyond the file's count", "raise the count of the file"),
            (Counts.HeldOut, "with a prompt of the evaluation, which no training may see",
                "evaluate on other prompts, or give rows with other prompts"),
            (dropped, "with a prompt that fills max_length, so that nothing is left to learn", "raise max_length"),
        ];
        causes = [.. causes.Where(cause => cause.Count > 0)];
        bool lacks = causes.Length > 0;
        string[] left = lacks ? [$"{Rows.Length - dropped} left"] : [];
        return new(
            $"too few {Counts.Name} rows", Counts.File.Length > 0 ? Counts.File : null,
            found: string.Join(
                "; ", [$"{Counts.Found} rows", .. causes.Select(cause => $"{cause.Count} {cause.Why}"), .. left]),
            expected: $"{count}{kind} rows{(count == 1 ? " or more" : "")}",
            remedy: string.Join(
                "; or ",
                ["ask for fewer rows", .. lacks ? causes.Select(cause => cause.Remedy) : ["give a larger file"]]));
    }
}
