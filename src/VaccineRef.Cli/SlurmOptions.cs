using System.CommandLine;
using System.Text.RegularExpressions;

namespace VaccineRef.Cli;

/// <summary>
/// The options of a Slurm job that a command passes on. All others can be given as SBATCH_ variables of the
/// environment.
/// </summary>
internal sealed partial class SlurmOptions
{
    private readonly Option<string?>[] _passed =
    [
        Passed("--partition", "The partition.", "NAME"),
        Passed(
            "--time", "The most time of a task, as in 30 or 2:00:00; a task that needs more goes on in its next start.",
            "TIME"),
        Passed("--gpus", "GPUs of a task; give --device too.", "N"),
        Passed("--mem", "Memory of a task, as in 8G.", "SIZE"),
    ];

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in _passed)
            command.Options.Add(option);
    }

    /// <summary>The options as lines of a script.</summary>
    public IEnumerable<string> Lines(ParseResult parsed) =>
        _passed.Where(option => parsed.GetValue(option) is not null)
            .Select(option => $"#SBATCH {option.Name}={parsed.GetValue(option)}");

    private static Option<string?> Passed(string name, string description, string help)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = help };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && !Word().IsMatch(text))
                result.AddError($"{name} takes one word of letters, digits and .,:_-+/= and not \"{text}\"");
        });
        return option;
    }

    [GeneratedRegex(@"^[A-Za-z0-9.,:_+/=\-]+$", RegexOptions.CultureInvariant)]
    private static partial Regex Word();
}
