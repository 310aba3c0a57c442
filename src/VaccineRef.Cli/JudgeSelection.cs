using System.CommandLine;
using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Cli;

/// <summary>
/// The option --judge and the options for its settings. They are the same for every command that judges.
/// </summary>
internal sealed class JudgeSelection
{
    private const string Phrases = "refusal-phrases", Synthetic = "synthetic", Moderation = "moderation";

    private static readonly string[] Names = [Phrases, Synthetic, Moderation];

    private readonly Option<string> _judge = new("--judge")
    {
        Description = $"Who judges answers: {string.Join(", ", Names)}.",
        DefaultValueFactory = _ => Phrases,
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

    /// <summary>Reads which judge the user chose, and its settings.</summary>
    /// <exception cref="InputException">
    /// The judge is unknown, a setting is missing, or a setting is given that the judge does not have.
    /// </exception>
    public JudgeOptions Read(ParseResult parsed)
    {
        string judge = parsed.GetRequiredValue(_judge);
        if (!Names.Contains(judge))
            throw RecipeException.Unknown("unknown judge", _judge.Name, judge, Names);
        Option[] own = judge switch
        {
            Moderation => [_model, _threshold],
            Synthetic => [_worldSeed],
            _ => [],
        };
        if (All.Skip(1).Except(own).FirstOrDefault(option => IsGiven(parsed, option)) is { } foreign)
            throw new InputException(
                $"the judge {judge} has no such setting", foreign.Name, "a value",
                own.Length > 0 ? string.Join(", ", own.Select(option => option.Name)) : "no settings",
                "remove it, or choose another judge");
        JudgeOptions chosen = judge switch
        {
            Moderation => new ModerationJudgeOptions(
                parsed.GetValue(_model) ?? throw Needed(judge, _model, "a model folder"), parsed.GetValue(_threshold)),
            Synthetic =>
                new SyntheticJudgeOptions(parsed.GetValue(_worldSeed) ?? throw Needed(judge, _worldSeed, "a seed")),
            _ => new RefusalPhraseJudgeOptions(),
        };
        chosen.Validate("--judge");
        return chosen;
    }

    /// <summary>Refuses the options of a judge if nothing will be judged, since they would be ignored.</summary>
    /// <exception cref="InputException">One of the options is given.</exception>
    public void RequireAbsent(ParseResult parsed, string because)
    {
        if (All.FirstOrDefault(option => IsGiven(parsed, option)) is { } given)
            throw new InputException(
                "there is nothing to judge", given.Name, because, "instructions, whose answers are judged",
                "remove it");
    }

    private static bool IsGiven(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    private static InputException Needed(string judge, Option option, string expected) =>
        new($"the judge {judge} needs a setting", option.Name, "nothing", expected);
}
