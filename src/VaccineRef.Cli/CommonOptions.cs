using System.CommandLine;
using System.Globalization;
using VaccineRef.Models;

namespace VaccineRef.Cli;

/// <summary>Options that several commands have.</summary>
internal static class CommonOptions
{
    public static Option<int> Threads()
    {
        var option =
            new Option<int>("--threads") { Description = "Threads of the CPU; 0 is one per core.", HelpName = "N" };
        return Within(option, 0, 1024);
    }

    public static Option<WeightPrecision> Weights() =>
        new("--weights") { Description = "How linear layers' weights are kept: full, or bf16 (half the memory; frozen)." };

    public static Option<int> Count(string name, string description, int otherwise, int least = 1) =>
        Within(
            new(name) { Description = description, DefaultValueFactory = _ => otherwise, HelpName = "N" }, least,
            int.MaxValue);

    private static Option<int> Within(Option<int> option, int least, int most)
    {
        option.Validators.Add(result =>
        {
            // The parser itself refuses what is not a number.
            if (result.Tokens is [{ Value: var text }]
                && int.TryParse(text, CultureInfo.InvariantCulture, out int value)
                && (value < least || value > most))
                result.AddError($"{option.Name} takes a number of at least {least}{(most < int.MaxValue ? $" and at most {most}" : "")}");
        });
        return option;
    }
}
