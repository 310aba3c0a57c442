using System.CommandLine;
using System.Globalization;
using VaccineRef.Experiments.Grid;

namespace VaccineRef.Cli;

/// <summary>The option --seeds, which takes a number of seeds or the seeds themselves.</summary>
internal static class SeedOption
{
    private const ulong First = 10;
    private const int Most = 1000;

    public static Option<string?> Create(string? otherwise)
    {
        var option = new Option<string?>("--seeds")
        {
            Description = $"How many seeds, from {First} on; or which, as in 10,11,17 or 10-17,20-27. The recipe's own by default.",
            DefaultValueFactory = _ => otherwise,
            HelpName = "N",
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && Of(text).Count == 0)
                result.AddError(
                    $"--seeds takes a number from 1 to {Most}, a list such as 10,11,17, or ranges such as 10-17,20-27");
        });
        return option;
    }

    /// <summary>The seeds that a text stands for. Empty if the text is not valid.</summary>
    public static IReadOnlyList<ulong> Of(string text) => ulong.TryParse(
        text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong count)
        ? count is >= 1 and <= Most ? SeedList.Range(First, First + count - 1) : []
        : SeedList.Parse(text);
}
