using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using VaccineRef.Core;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// The text around an instruction. Even a single newline makes two templates different, so that their harmful scores
/// cannot be compared; therefore every result carries the id of its template. The target follows the prompt directly,
/// without a space.
/// </summary>
public sealed partial record PromptTemplate
{
    private const string Opening = "Below is an instruction that describes a task";
    private const string Asking =
        "Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n";
    private const string WithContext =
        $"{Opening}, paired with an input that provides further context. {Asking}### Input:\n{{input}}\n\n";
    private const string Plain = $"{Opening}. {Asking}";

    private PromptTemplate(string id, string withInput, string withoutInput) =>
        (Id, WithInput, WithoutInput) = (id, withInput, withoutInput);

    /// <summary>
    /// The template of Vaccine and Lisa, which ends in "### Response:". Source: PROMPT_DICT in Vaccine's
    /// <c>train.py</c>.
    /// </summary>
    public static PromptTemplate AlpacaVaccine { get; } =
        new("alpaca-vaccine", WithContext + "### Response:", Plain + "### Response:");

    /// <summary>
    /// The template of Booster and T-Vaccine, which ends in "### Response:" and a newline. Source: Booster's
    /// <c>pred.py</c> and <c>pred_eval.py</c>.
    /// </summary>
    public static PromptTemplate AlpacaBooster { get; } =
        new("alpaca-booster", WithContext + "### Response:\n", Plain + "### Response:\n");

    /// <summary>All templates that have a name.</summary>
    public static ImmutableArray<PromptTemplate> All { get; } = [AlpacaVaccine, AlpacaBooster];

    /// <summary>The name of the template, as records show it.</summary>
    public string Id { get; }

    /// <summary>The form for examples with an input. It contains {instruction} and {input}.</summary>
    public string WithInput { get; }

    /// <summary>The form for examples whose input is empty. It contains {instruction}.</summary>
    public string WithoutInput { get; }

    /// <summary>Finds the named template with this id.</summary>
    /// <exception cref="InputException">No template has this id.</exception>
    public static PromptTemplate Get(string id) =>
        All.FirstOrDefault(template => template.Id == id) ?? throw new InputException(
            "unknown prompt template", found: id, expected: string.Join(", ", All.Select(template => template.Id)),
            remedy: "give a custom template as text");

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

    /// <summary>Makes the prompt of an example. Braces inside the example's own text are left as they are.</summary>
    public string Render(Example example) => Placeholder().Replace(
        example.Input.Length == 0 ? WithoutInput : WithInput,
        match => match.Value == "{input}" ? example.Input : example.Instruction);

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
