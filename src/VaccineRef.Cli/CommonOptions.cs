using System.CommandLine;

namespace VaccineRef.Cli;

/// <summary>Options that several commands have.</summary>
internal static class CommonOptions
{
    public static Option<int> Threads()
    {
        var option = new Option<int>("--threads") { Description = "Threads of the CPU; 0 is one per core.", HelpName = "N" };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 0 or > 1024)
                result.AddError("--threads takes a number between 0 and 1024");
        });
        return option;
    }

    public static Option<int> Count(string name, string description, int otherwise, int least = 1)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => otherwise, HelpName = "N" };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < least)
                result.AddError($"{name} takes a number of at least {least}");
        });
        return option;
    }
}
