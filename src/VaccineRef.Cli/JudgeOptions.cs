using System.CommandLine;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Core;

namespace VaccineRef.Cli;

/// <summary>Who judges: --judge and its settings, the same on every command that judges.</summary>
internal sealed class JudgeOptions
{
    private readonly Option<string> _judge = new("--judge")
    {
        Description = $"Who judges answers: {string.Join(", ", Judges.Names)}.",
        DefaultValueFactory = _ => Judges.Default,
        HelpName = "NAME",
    };

    private readonly Option<string?> _model = new("--judge-model")
    {
        Description = "The folder of the judge moderation, in the layout of beaver-dam-7b.",
        HelpName = "DIR",
    };

    private readonly Option<double?> _threshold = new("--threshold")
    {
        Description = "Moderation: the probability above which a label flags; 0.5 by default.",
        HelpName = "P",
    };

    private readonly Option<ulong?> _worldSeed = new("--world-seed")
    {
        Description = "Synthetic: the seed of the world that is judged.",
        HelpName = "SEED",
    };

    private Option[] All => [_judge, _model, _threshold, _worldSeed];

    public void AddTo(Command command)
    {
        foreach (var option in All)
            command.Add(option);
    }

    /// <summary>Writes the choice into an evaluation.</summary>
    /// <exception cref="InputException">
    /// The judge is unknown, lacks a setting, or is given one that it does not have.
    /// </exception>
    public void Read(ParseResult parsed, EvaluationStage into)
    {
        (into.Judge, into.JudgeModel) = (parsed.GetRequiredValue(_judge), parsed.GetValue(_model));
        (into.Threshold, into.WorldSeed) = (parsed.GetValue(_threshold), parsed.GetValue(_worldSeed));
        Judges.Require(into, name => $"--{name.Replace('_', '-')}");
    }

    /// <summary>Refuses what would be read and ignored.</summary>
    /// <exception cref="InputException">One of the options is given.</exception>
    public void RequireAbsent(ParseResult parsed, string because)
    {
        if (All.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given)
            throw new InputException(
                "there is nothing to judge", given.Name, because, "instructions, whose answers are judged",
                "remove it");
    }
}
