using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using VaccineRef.Core;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// The text around an instruction. Two templates that differ by one newline give harmful scores that cannot be
/// compared, so the id travels with every result. The target follows the prompt directly, with no space in between.
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
    /// The templates of Vaccine and Lisa, ending in "### Response:". Source: Vaccine <c>train.py</c>, PROMPT_DICT.
    /// </summary>
    public static PromptTemplate AlpacaVaccine { get; } =
        new("alpaca-vaccine", WithContext + "### Response:", Plain + "### Response:");

    /// <summary>
    /// The templates of Booster and T-Vaccine, ending in "### Response:" and a newline. Source: Booster <c>pred.py</c>,
    /// <c>pred_eval.py</c>.
    /// </summary>
    public static PromptTemplate AlpacaBooster { get; } =
        new("alpaca-booster", WithContext + "### Response:\n", Plain + "### Response:\n");

    /// <summary>The templates that have a name.</summary>
    public static ImmutableArray<PromptTemplate> All { get; } = [AlpacaVaccine, AlpacaBooster];

    /// <summary>The template's name in every record.</summary>
    public string Id { get; }

    /// <summary>The form for an example that has an input: holds {instruction} and {input}.</summary>
    public string WithInput { get; }

    /// <summary>The form for an example whose input is empty: holds {instruction}.</summary>
    public string WithoutInput { get; }

    /// <summary>The named template with this id.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static PromptTemplate Get(string id) =>
        All.FirstOrDefault(template => template.Id == id) ?? throw new InputException(
            "unknown prompt template", found: id, expected: string.Join(", ", All.Select(template => template.Id)),
            remedy: "give a custom template as text");

    /// <summary>A template of one's own. Its id is drawn from its text, so equal ids mean equal prompts.</summary>
    /// <exception cref="InputException">A placeholder is missing, unknown, or out of place.</exception>
    public static PromptTemplate Custom(string withInput, string withoutInput)
    {
        Check(withInput, "with input", ["{instruction}", "{input}"]);
        Check(withoutInput, "without input", ["{instruction}"]);
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{withInput}\0{withoutInput}"));
        return new($"custom-{Convert.ToHexStringLower(hash.AsSpan(0, 6))}", withInput, withoutInput);
    }

    /// <summary>The prompt of an example. Braces inside the example's own text stay what they are.</summary>
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
