using System.Collections.Immutable;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Models;

namespace VaccineRef.Cli;

/// <summary>An answer to a prompt.</summary>
/// <param name="Text">The answer, without white space at its ends.</param>
/// <param name="Ended">Whether the model ended it; otherwise it was cut.</param>
internal sealed record Answer(string Text, bool Ended);

/// <summary>Lets a model answer prompts.</summary>
/// <param name="model">The model.</param>
/// <param name="tokenizer">Its tokenizer.</param>
/// <param name="template">What the prompts are written in; it may end answers too.</param>
/// <param name="options">
/// How an answer is generated, from the number of tokens of its prompt and the most that the model reads.
/// </param>
internal sealed class Answerer<T>(
    Model<T> model, ITextTokenizer tokenizer, PromptTemplate template, Func<int, int, GenerationOptions> options)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ImmutableArray<int> _ends =
        [.. EndTokens.Of(model, tokenizer).Union(template.EndsOfTurn(tokenizer))];

    /// <summary>Answers many prompts together.</summary>
    /// <param name="prompts">The tokens of the whole prompts, with their template.</param>
    /// <param name="cancel">Cancels the work after the current token.</param>
    /// <param name="answered">Told how many answers are complete, of how many; null for nobody.</param>
    /// <returns>The answers, in the order of the prompts.</returns>
    /// <exception cref="InputException">A prompt fills the model's context.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public Answer[] Give(IReadOnlyList<int[]> prompts, CancellationToken cancel, Action<int, int>? answered = null)
    {
        int done = 0;
        var answers = new Answer[prompts.Count];
        // Prompts near the end of the context have less room for their answers than the others.
        foreach (var alike in prompts.Index().GroupBy(each => Settings(each.Item)))
            foreach (var (each, ids) in alike.Zip(
                Generator.Generate(
                    model, [.. alike.Select(each => each.Item)],
                    answered is null ? alike.Key : alike.Key with { OnEnd = _ => answered(++done, prompts.Count) },
                    cancel: cancel)))
                answers[each.Index] = Read(ids);
        return answers;
    }

    /// <summary>Answers a prompt, and shows the answer piece by piece while it is generated.</summary>
    /// <inheritdoc cref="Give(IReadOnlyList{int[]}, CancellationToken, Action{int, int})"/>
    public Answer Give(int[] prompt, Action<string> show, CancellationToken cancel)
    {
        var added = new List<int>();
        int shown = 0;
        void Show(string text)
        {
            if (text.Length > shown)
                show(text[shown..]);
            shown = Math.Max(shown, text.Length);
        }

        var settings = Settings(prompt) with
        {
            OnToken = (_, id) =>
            {
                added.Add(id);
                // The last characters may be part of one that the next token completes.
                if (Text([.. added]) is var text && !text.EndsWith('\uFFFD'))
                    Show(text);
            },
        };
        int[] ids = Generator.Generate(model, [prompt], settings, cancel: cancel)[0];
        Show(Text(ids));
        return Read(ids);
    }

    private GenerationOptions Settings(int[] prompt) =>
        options(prompt.Length, model.Network.Shape.Context) with { EndIds = _ends };

    private Answer Read(int[] ids) => new(Text(ids).Trim(), ids is [.., var last] && _ends.Contains(last));

    private string Text(int[] ids) => tokenizer.Decode(EndTokens.Answer(ids, _ends)).TrimStart();
}
