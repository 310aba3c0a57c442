namespace VaccineRef.Reporting;

/// <summary>
/// The paper's own numbers, cell by cell as printed, to stand beside ours. They are of one run each, without
/// seeds or intervals; the averages that the paper prints are left out, since two of them are not the means of their
/// rows. Source: Huang, Hu, Liu, "Vaccine", NeurIPS 2024 (arXiv 2402.01109), Tables 1, 2, 5 to 11.
/// </summary>
internal static class PublishedResults
{
    /// <summary>The tables of some names, "table-1" to "table-11"; what is not here is left out.</summary>
    public static IReadOnlyList<ReportTable> Of(IReadOnlyList<string> names) =>
        [.. names.Select(Of).OfType<ReportTable>()];

    private static ReportTable? Of(string name) => name switch
    {
        "table-1" => Table("Table 1: the share of harmful data; Llama2-7B, SST2, n = 1000.", """
            method | HS %, harmful: none | 1 % | 5 % | 10 % | 20 % | FA %, harmful: none | 1 % | 5 % | 10 % | 20 %
            Non-Aligned | 34.20 | 65.60 | 81.00 | 77.60 | 79.20 | 95.60 | 94.60 | 94.00 | 94.60 | 94.40
            SFT | 48.60 | 49.80 | 52.60 | 55.20 | 60.00 | 94.20 | 94.40 | 94.80 | 94.40 | 94.20
            EWC | 50.60 | 50.60 | 50.60 | 50.60 | 50.60 | 88.60 | 88.20 | 87.40 | 86.80 | 80.60
            Vlguard | 49.40 | 50.00 | 54.00 | 54.40 | 53.60 | 94.80 | 94.80 | 94.60 | 94.60 | 94.60
            KL | 54.40 | 53.60 | 55.20 | 54.00 | 56.60 | 85.80 | 85.80 | 85.00 | 85.40 | 84.60
            Vaccine | 42.40 | 42.20 | 42.80 | 48.20 | 56.60 | 92.60 | 92.60 | 93.00 | 93.80 | 95.00
            """),
        "table-2" => Table("Table 2: the number n of the user's samples; Llama2-7B, SST2, 5 % harmful.", """
            method | HS %: 500 | 1000 | 1500 | 2000 | 2500 | FA %: 500 | 1000 | 1500 | 2000 | 2500
            Non-Aligned | 79.60 | 82.40 | 79.80 | 78.60 | 75.00 | 93.40 | 94.00 | 95.40 | 95.80 | 96.40
            SFT | 49.60 | 52.80 | 54.60 | 57.60 | 61.40 | 93.00 | 94.80 | 95.60 | 95.80 | 95.80
            EWC | 50.60 | 50.60 | 50.60 | 50.60 | 50.60 | 87.00 | 87.40 | 88.20 | 88.40 | 87.80
            Vaccine | 41.40 | 42.80 | 48.60 | 51.40 | 55.40 | 90.80 | 93.00 | 94.60 | 94.40 | 95.20
            """),
        "table-6" => Table("Table 6: the radius rho; Llama2-7B, SST2, n = 1000, 10 % harmful.", """
            rho | scores: HS % | FA % | alignment loss: first step | last step
            0.01 | 54.40 | 94.40 | .0040 | .0437
            0.1 | 56.80 | 95.00 | .0041 | .0300
            1 | 54.40 | 94.40 | .0047 | .0075
            2 | 49.00 | 93.60 | .0051 | .0065
            5 | 46.20 | 92.80 | .0059 | .0071
            10 | 44.20 | 89.00 | .0077 | .0089
            """),
        "table-7" => Table("Table 7: Gaussian perturbation of variance rho'; Llama2-7B, SST2, n = 1000, 10 % harmful.", """
            rho' | scores: HS % | FA %
            1e-4 | 53.80 | 94.40
            1e-3 | 56.40 | 93.80
            5e-3 | 56.00 | 73.80
            1e-2 | 53.60 | 69.60
            1e-1 | 37.20 | 56.40
            1 | 16.60 | 46.60
            """),
        "table-8" => Table("Table 8: single LoRA (SL) and double LoRA (DL); Llama2-7B, n = 1000, 10 % harmful.", """
            method | HS %: SST2 | AGNEWS | GSM8K | FA %: SST2 | AGNEWS | GSM8K
            SFT-SL | 58.20 | 59.00 | 70.60 | 95.00 | 88.80 | 18.60
            SFT-DL | 55.70 | 53.40 | 77.60 | 94.40 | 89.40 | 23.20
            Vaccine-SL | 55.20 | 53.40 | 68.40 | 95.00 | 89.40 | 21.60
            Vaccine-DL | 48.90 | 47.80 | 69.40 | 93.60 | 89.20 | 20.20
            """),
        "table-9" => Table("Table 9: Vaccine, then fine-tuning with EWC; Llama2-7B, n = 1000, 10 % harmful.", """
            fine-tuning | HS %: SST2 | AGNEWS | GSM8K | FA %: SST2 | AGNEWS | GSM8K
            none | 43.80 | 43.80 | 43.80 | 17.60 | 28.80 | 2.20
            vanilla | 48.20 | 47.80 | 69.40 | 93.80 | 89.20 | 20.20
            EWC, lambda = 1e6 | 48.80 | 48.00 | 69.80 | 93.60 | 89.00 | 21.20
            EWC, lambda = 1e9 | 44.60 | 44.80 | 70.00 | 92.20 | 88.00 | 19.40
            EWC, lambda = 1e12 | 43.00 | 43.20 | 42.80 | 54.40 | 58.60 | 6.20
            """),
        "table-10" => Table("Table 10: accelerated Vaccine; Llama2-7B, SST2, n = 1000, 10 % harmful.", """
            method | measured: HS % | FA % | s per step
            SFT | 59.20 | 94.40 | 0.12902
            Vaccine | 50.40 | 92.40 | 0.24852
            tau = 100 | 51.00 | 95.20 | 0.13140
            tau = 1000 | 52.00 | 94.20 | 0.12956
            tau = 10000 | 53.20 | 94.80 | 0.12934
            tau = 20000 | 58.80 | 94.40 | 0.12902
            """),
        "table-5" => Table("Table 5: cost on an A100-80G.", """
            method | s per step: OPT-2.7B | Llama2-7B | Vicuna-7B | memory, GB: OPT-2.7B | Llama2-7B | Vicuna-7B
            SFT | 0.14 | 0.37 | 0.37 | 17.35 | 38.45 | 38.43
            Vaccine | 0.29 | 0.73 | 0.75 | 17.42 | 38.57 | 38.54
            """),
        "table-11" => Table("Table 11: cost by scale, on an H100-80G.", """
            method | s per step: OPT-1.3B | 2.7B | 6.7B | 13B | memory, GB: 1.3B | 2.7B | 6.7B | 13B
            SFT | .06 | .08 | .09 | .12 | 5.586 | 10.814 | 25.469 | 48.824
            RepNoise | .14 | .19 | .20 | .29 | 8.962 | 17.453 | 40.017 | 76.027
            Vaccine | .11 | .15 | .17 | .24 | 5.596 | 10.830 | 25.492 | 48.863
            """),
        _ => null,
    };

    /// <summary>Rows of "a | b"; a head "group: column" begins a group.</summary>
    private static ReportTable Table(string caption, string text)
    {
        string[][] lines = [.. text.Split('\n').Select(line => line.Split('|', StringSplitOptions.TrimEntries))];
        var groups = new List<(string Head, List<string> Columns)>();
        foreach (string head in lines[0].Skip(1))
        {
            string[] parts = head.Split(": ");
            if (parts.Length == 2)
                groups.Add((parts[0], []));
            groups[^1].Columns.Add(parts[^1]);
        }

        return new(
            caption, [lines[0][0]], [.. groups.Select(group => new ReportGroup(group.Head, group.Columns))],
            [.. lines.Skip(1).Select(line => line.Select(cell => new ReportCell(cell)).ToArray())], IsPublished: true);
    }
}
