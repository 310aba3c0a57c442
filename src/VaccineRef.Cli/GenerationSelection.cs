using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Cli;

/// <summary>The options that say how texts are continued.</summary>
internal sealed class GenerationSelection
{
    private readonly Option<int> _tokens =
        CommonOptions.Count("--max-new-tokens", "The most tokens of an answer.", 128);

    private readonly Option<double> _temperature = new("--temperature")
    {
        Description = "0 takes the likeliest token; above 0 tokens are drawn.",
        HelpName = "T",
    };

    private readonly Option<int> _topK =
        CommonOptions.Count("--top-k", "Draw among the K likeliest tokens; 0 for all.", 0, least: 0);

    private readonly Option<double> _topP = new("--top-p")
    {
        Description = "Draw among the likeliest tokens whose probabilities together reach P.",
        DefaultValueFactory = _ => 1,
        HelpName = "P",
    };

    private readonly Option<ulong> _seed = new("--seed")
    {
        Description = "The seed with which tokens are drawn.",
        HelpName = "SEED",
    };

    /// <summary>Makes the options.</summary>
    public GenerationSelection()
    {
        _temperature.Validators.Add(result => Within(result, value => value >= 0, "0 or more"));
        _topP.Validators.Add(result => Within(result, value => value is > 0 and <= 1, "above 0 and at most 1"));
    }

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_tokens, _temperature, _topK, _topP, _seed])
            command.Add(option);
    }

    /// <summary>
    /// How a prompt is continued: up to the number of tokens that was asked for, or to the end of the model's context.
    /// </summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="prompt">How many tokens the prompt has.</param>
    /// <param name="context">The most tokens that the model reads.</param>
    /// <param name="eos">The tokenizer's end of text.</param>
    /// <exception cref="InputException">The prompt fills the context.</exception>
    public GenerationOptions Read(ParseResult parsed, int prompt, int context, int? eos)
    {
        int room = context + 1 - prompt;
        if (prompt == 0 || room < 1)
            throw new InputException(
                "a prompt cannot be continued", "prompt", $"{prompt} tokens", $"1 to {context} tokens",
                "write a shorter prompt");
        double temperature = parsed.GetValue(_temperature);
        return new(
            Math.Min(parsed.GetValue(_tokens), room), temperature > 0, temperature > 0 ? temperature : 1,
            parsed.GetValue(_topK),
            parsed.GetValue(_topP), parsed.GetValue(_seed), eos);
    }

    private static void Within(OptionResult result, Func<double, bool> holds, string expected)
    {
        // The parser itself refuses what is not a number.
        if (result.Tokens is [{ Value: var text }]
            && double.TryParse(text, CultureInfo.InvariantCulture, out double value)
            && !(holds(value) && double.IsFinite(value)))
            result.AddError($"{result.Option.Name} takes a number: {expected}");
    }
}
