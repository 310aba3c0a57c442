using System.CommandLine;
using System.Globalization;

namespace VaccineRef.Cli;

/// <summary>--seeds: a number of seeds, or the seeds themselves.</summary>
internal static class SeedOption
{
    private const ulong First = 10;
    private const int Most = 1000;

    public static Option<string> Create(int otherwise)
    {
        var option = new Option<string>("--seeds")
        {
            Description = $"How many seeds, from {First} on; or which, as in 10,11,17 or 10-17.",
            DefaultValueFactory = _ => otherwise.ToString(CultureInfo.InvariantCulture),
            HelpName = "N",
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && Of(text).Count == 0)
                result.AddError($"--seeds takes a number from 1 to {Most}, a list such as 10,11,17, or a range such as 10-17");
        });
        return option;
    }

    /// <summary>The seeds that a text stands for; none where it stands for nothing.</summary>
    public static IReadOnlyList<ulong> Of(string text)
    {
        if (Number(text) is { } count)
            return count is >= 1 and <= Most ? Range(First, First + count - 1) : [];
        if (text.Split('-') is [var from, var to])
            return Number(from) is { } first && Number(to) is { } last && last >= first && last - first < Most ? Range(first, last) : [];
        ulong?[] seeds = [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Number)];
        return seeds.Contains(null) ? [] : [.. seeds.Select(seed => seed!.Value).Distinct()];
    }

    private static ulong[] Range(ulong first, ulong last) => [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => first + (ulong)i)];

    private static ulong? Number(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null;
}
