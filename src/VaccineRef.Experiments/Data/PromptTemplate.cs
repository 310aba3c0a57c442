using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// The text around an instruction. Even a single newline makes two templates different, so that their harmful scores
/// cannot be compared; therefore every result carries the id of its template. The target follows the prompt directly,
/// without a space.
/// </summary>
public sealed partial record PromptTemplate
{
    /// <summary>The ids that a recipe may name, but for "model:NAME".</summary>
    public static ImmutableArray<string> Ids => [.. All.Select(template => template.Id), .. ChatTemplate.Ids];

    private const string Opening = "Below is an instruction that describes a task";
    private const string Asking =
        "Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n";
    private const string WithContext =
        $"{Opening}, paired with an input that provides further context. {Asking}### Input:\n{{input}}\n\n";
    private const string WithoutContext = $"{Opening}. {Asking}";

    private readonly ChatPassages? _chat;

    private PromptTemplate(string id, string withInput, string withoutInput) =>
        (Id, WithInput, WithoutInput) = (id, withInput, withoutInput);

    private PromptTemplate(ChatPassages chat)
        : this(chat.Id, "", "") => _chat = chat;

    /// <summary>
    /// The template of Vaccine and Lisa, which ends in "### Response:". Source: PROMPT_DICT in Vaccine's
    /// <c>train.py</c>.
    /// </summary>
    public static PromptTemplate AlpacaVaccine { get; } =
        new("alpaca-vaccine", WithContext + "### Response:", WithoutContext + "### Response:");

    /// <summary>
    /// The template of Booster and T-Vaccine, which ends in "### Response:" and a newline. Source: Booster's
    /// <c>pred.py</c> and <c>pred_eval.py</c>.
    /// </summary>
    public static PromptTemplate AlpacaBooster { get; } =
        new("alpaca-booster", WithContext + "### Response:\n", WithoutContext + "### Response:\n");

    /// <summary>No template: the instruction as it is, and the input on a line of its own where there is one.</summary>
    public static PromptTemplate None { get; } = new("none", "{instruction}\n{input}", "{instruction}");

    /// <summary>The instruction, the input on a line of its own where there is one, and a newline.</summary>
    public static PromptTemplate Plain { get; } = new("plain", "{instruction}\n{input}\n", "{instruction}\n");

    /// <summary>All templates that are no chat templates.</summary>
    public static ImmutableArray<PromptTemplate> All { get; } = [AlpacaVaccine, AlpacaBooster, None, Plain];

    /// <summary>The name of the template, as records show it.</summary>
    public string Id { get; }

    /// <summary>The form for examples with an input. It contains {instruction} and {input}.</summary>
    public string WithInput { get; }

    /// <summary>The form for examples whose input is empty. It contains {instruction}.</summary>
    public string WithoutInput { get; }

    /// <summary>Whether it writes conversations of several turns.</summary>
    public bool HasTurns => _chat is not null;

    /// <summary>Finds the named template with this id.</summary>
    /// <exception cref="InputException">No template has this id.</exception>
    public static PromptTemplate Get(string id) =>
        All.FirstOrDefault(template => template.Id == id) ?? throw new InputException(
            "unknown prompt template", found: id, expected: string.Join(", ", All.Select(template => template.Id)),
            remedy: "give a custom template as text");

    /// <summary>Finds the template with this id, which may be a chat template.</summary>
    /// <param name="id">One of <see cref="Ids"/>, or "model:NAME".</param>
    /// <param name="system">A system text for rows that have none; only for a chat template.</param>
    /// <param name="chat">Finds a chat template.</param>
    /// <exception cref="InputException">There is no such template.</exception>
    public static PromptTemplate Get(string id, string? system, Func<string, ChatTemplate> chat) =>
        IsChat(id) ? Of(chat(id), system) : Get(id);

    /// <summary>
    /// Makes a template from a user's own text. Its id is computed from the text, so that equal ids mean equal prompts.
    /// </summary>
    /// <exception cref="InputException">A placeholder is missing, unknown, or in the wrong form.</exception>
    public static PromptTemplate Custom(string withInput, string withoutInput)
    {
        Check(withInput, "with input", ["{instruction}", "{input}"]);
        Check(withoutInput, "without input", ["{instruction}"]);
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{withInput}\0{withoutInput}"));
        return new($"custom-{Convert.ToHexStringLower(hash.AsSpan(0, 6))}", withInput, withoutInput);
    }

    /// <summary>Wraps every row in a chat template.</summary>
    /// <param name="template">The template.</param>
    /// <param name="system">A system text for rows that have none of their own; none if it is null.</param>
    public static PromptTemplate Of(ChatTemplate template, string? system = null) =>
        new(new ChatPassages(template, system));

    /// <summary>Whether an id names a chat template.</summary>
    public static bool IsChat(string id) => ChatTemplate.IsId(id);

    /// <summary>Makes the prompt of an example. Braces inside the example's own text are left as they are.</summary>
    /// <exception cref="InputException">The template cannot express the example's conversation.</exception>
    public string Render(Example example) => _chat?.Prompt(example) ?? Placeholder().Replace(
        RequireOneQuestion(example).Input.Length == 0 ? WithoutInput : WithInput,
        match => match.Value == "{input}" ? example.Input : example.Instruction);

    /// <summary>The tokens of the prompt of an example.</summary>
    /// <exception cref="InputException">The template cannot express the example's conversation.</exception>
    public int[] Prompt(Example example, ITextTokenizer tokenizer) => Encode(Render(example), tokenizer);

    /// <summary>
    /// The tokens that end an answer besides those that end a text: the end of a turn, where it is one token.
    /// </summary>
    public ImmutableArray<int> EndsOfTurn(ITextTokenizer tokenizer) => _chat?.EndsOfTurn(tokenizer) ?? [];

    /// <summary>
    /// The tokens of a text that this template wrote. A chat template writes special tokens itself, and another none.
    /// </summary>
    public int[] Encode(string text, ITextTokenizer tokenizer) =>
        _chat is null ? tokenizer.Encode(text) : tokenizer.EncodeMarked(text);

    /// <summary>The tokens of a part of a text that is not its beginning.</summary>
    internal int[] EncodePart(string text, ITextTokenizer tokenizer) =>
        _chat is null ? tokenizer.Encode(text, addSpecialTokens: false) : tokenizer.EncodeMarked(text);

    /// <summary>
    /// Whether the end of text follows the last passage; a chat template writes the end of a turn itself.
    /// </summary>
    internal bool AppendsEnd => _chat is null;

    /// <summary>The text of a row for training, cut where what is learned begins and ends.</summary>
    /// <exception cref="InputException">The template cannot express the example's conversation.</exception>
    internal IReadOnlyList<Passage> Passages(Example example, ITextTokenizer tokenizer) => _chat is null
        ? [new(Render(example), Learned: false), new(example.Output, Learned: true)]
        : _chat.Of(example, tokenizer);

    private Example RequireOneQuestion(Example example) => example.Turns.Count <= 1
        || example.Turns is [{ IsAnswer: false }, { Learned: true }]
        ? example
        : throw new DataException(
            "a conversation of several turns needs a chat template", example.Id,
            found: $"{example.Turns.Count} turns, and the template '{Id}'",
            expected: "one question and one answer",
            remedy: $"set the template to {string.Join(", ", ChatTemplate.Ids)}");

    private static void Check(string text, string form, string[] expected)
    {
        string[] found = [.. Braced().Matches(text).Select(match => match.Value).Distinct()];
        if (found.Length != expected.Length || found.Except(expected).Any())
            throw new InputException(
                "a prompt template has the wrong placeholders", $"template, form {form}",
                found.Length == 0 ? "none" : string.Join(", ", found), string.Join(", ", expected));
    }

    [GeneratedRegex(@"\{(instruction|input)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"\{\w*\}", RegexOptions.CultureInvariant)]
    private static partial Regex Braced();
}
