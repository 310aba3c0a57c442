namespace VaccineRef.Reporting;

/// <summary>The table of what goes with a high harmful score.</summary>
internal static class AssociationTable
{
    /// <summary>The table; null where the recipe asks for nothing of it, or nothing can be said.</summary>
    public static ReportTable? Of(Findings findings, TrialIndex trials)
    {
        if (findings.Associations is not { Count: > 0 } found)
            return null;
        bool models = trials.Models.Count > 1, seeds = found.Any(each => each.AcrossSeeds is not null);
        string primary = trials.Report.Options.Primary ?? "";
        return new(
            "What goes with a high HS after attacks with harmful data: Spearman’s rank correlation, from -1 to 1. Positive means that where there is more "
                + "of it, HS is higher. “Across methods” compares the methods of one seed under one attack; it is the mean over attacks and seeds, with its "
                + "95% interval over seeds. Of methods that begin with the same alignment the first alone is in the rows of what is known before the attack. "
                + (seeds
                    ? $"“Across seeds” compares seeds: by how much {primary} differs from {trials.Control} in the quantity, and in HS; p is by permutation, "
                        + "and not corrected for the number of rows. "
                    : "")
                + "The margin of the refusal is the loss of harmful answers less that of refusals, in nats per token. Sharpness is by how much the alignment "
                + "loss rises where the embeddings move a given share of their length along its slope g = df/de. The cosine is that of the drift D and "
                + "g at the embeddings before the attack, along which Vaccine perturbs. A correlation is no cause.",
            [.. models ? ["model"] : (string[])[], "quantity", "known"],
            [
                new("across methods", ["rank correlation"]),
                .. seeds ? [new ReportGroup("across seeds", ["rank correlation", "p", "seeds"])] : (ReportGroup[])[],
            ],
            [
                .. found.Select(each => (ReportCell[])
                [
                    .. models ? [each.Model] : (ReportCell[])[], each.Quantity,
                    each.BeforeAttack ? "before the attack" : "after it",
                    each.AcrossConditions is { } across
                        ? new ReportCell(NumberFormat.Fixed(across.Mean, 2), NumberFormat.Interval(across, 2))
                        : "",
                    .. seeds ? OverSeeds(each) : [],
                ]),
            ]);
    }

    private static ReportCell[] OverSeeds(Association of) => of is { AcrossSeeds: { } correlation, AcrossSeedsP: { } p }
        ? [NumberFormat.Fixed(correlation, 2), NumberFormat.P(p), NumberFormat.Plain(of.Seeds)] : ["", "", ""];
}
