using System.Globalization;
using System.Text.RegularExpressions;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>
/// The number that a solution ends in. The rule is written down in docs/data.md; the rule as released is kept under its
/// own name.
/// </summary>
public static partial class FinalNumber
{
    private const string Mark = "The final answer is:";

    /// <summary>
    /// The first number between "The final answer is:" (or "####") and its next occurrence; else the first number of
    /// the last <c>\boxed{...}</c>; else the last number of all; null where there is none. A number is digits with
    /// groups of thousands, a decimal part, a power of ten, a fraction a/b, <c>\frac{a}{b}</c> or a mixed number; a
    /// minus sign counts where nothing that it could be subtracted from stands before it. Signs of currency and of
    /// percent are no part of the value.
    /// </summary>
    public static double? Of(string solution)
    {
        string text = Plain(solution);
        if (text.Split(Mark) is [_, var answer, ..] && First(answer) is { } marked)
            return marked;
        var boxes = Boxed().Matches(text);
        return (boxes.Count > 0 ? First(boxes[^1].Groups[1].Value) : null)
            ?? Numbers(text).Select(Value).LastOrDefault(value => value is not null);
    }

    /// <summary>
    /// The number of a reference solution: exactly one stands behind the last "The final answer is:" or "####", or in
    /// the whole text where no such mark is; null where there is none, or where there are several that differ.
    /// </summary>
    public static double? OfGold(string solution)
    {
        double?[] values = [.. Numbers(Plain(solution).Split(Mark)[^1]).Select(Value).Distinct()];
        return values.Length == 1 ? values[0] : null;
    }

    /// <summary>
    /// As released: commas taken out, the first number between "The final answer is: " and its next occurrence, else
    /// the last number of all, else null, for which the released code has infinity. Only 0-9, a minus directly before
    /// them and a decimal point behind them make a number. Source: <c>pred_eval.py</c> for GSM8K.
    /// </summary>
    public static double? AsReleased(string solution)
    {
        string text = solution.Replace(",", "", StringComparison.Ordinal);
        var match = text.Split($"{Mark} ") is [_, var answer, ..] ? ReleasedNumber().Match(answer) : Match.Empty;
        if (!match.Success)
            match = ReleasedNumber().Matches(text).LastOrDefault() ?? Match.Empty;
        return match.Success ? Finite(double.Parse(match.Value, CultureInfo.InvariantCulture)) : null;
    }

    private static double? First(string text) => Numbers(text).Select(Value).FirstOrDefault();

    private static MatchCollection Numbers(string text) => Number().Matches(text);

    // One spelling for what has several: minus signs, LaTeX's fractions, thin spaces and escapes, and the mark.
    private static string Plain(string text)
    {
        text = text.Replace("####", Mark, StringComparison.Ordinal).Replace('\u2212', '-').Replace('\uFE63', '-')
            .Replace('\uFF0D', '-');
        text = Fraction().Replace(
            text, match => $"{(match.Groups[1].Success ? " " : "")}{match.Groups[2].Value}/{match.Groups[3].Value}");
        return Escapes().Replace(text, "").Replace("{,}", ",", StringComparison.Ordinal);
    }

    private static double? Value(Match match)
    {
        double Part(string name) => match.Groups[name].Success
            ? double.Parse(
                match.Groups[name].Value.Replace(",", "", StringComparison.Ordinal), CultureInfo.InvariantCulture)
            : 0;
        double value = match.Groups["over"].Success ? Part("number") / Part("over") : Part("number");
        if (match.Groups["part"].Success)
            value = Part("number") + (Part("part") / Part("of"));
        return Finite(match.Groups["minus"].Success && value != 0 ? -value : value);
    }

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    [GeneratedRegex(
        """
        (?<minus>(?<![\p{L}\p{N}.)\]}%])-(?=[$€£¥]?\s?\.?[0-9])|(?<=(?:^|[=:(])\s*)-\s(?=[$€£¥]?\.?[0-9]))?[$€£¥]?\s?
        (?<number>(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+(?![\p{L}0-9]))?|(?<![0-9\p{L}])\.[0-9]+)
        (?:(?<!/\s?[0-9.,]+)\s?/\s?(?>(?<over>[0-9]+(?:\.[0-9]+)?))(?!\s?/\s?[0-9])|\s(?>(?<part>[0-9]+)/(?<of>[0-9]+))(?!\s?/\s?[0-9]))?
        """, RegexOptions.CultureInvariant | RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Number();

    [GeneratedRegex(@"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Boxed();

    [GeneratedRegex(@"((?<=[0-9])\s*)?\\[dt]?frac\s*\{\s*([0-9.,]+)\s*\}\s*\{\s*([0-9.,]+)\s*\}", RegexOptions.CultureInvariant)]
    private static partial Regex Fraction();

    [GeneratedRegex(@"\\[!,;: ]|\\(?=[$%])", RegexOptions.CultureInvariant)]
    private static partial Regex Escapes();

    [GeneratedRegex(@"-?[0-9]+\.?[0-9]*", RegexOptions.CultureInvariant)]
    private static partial Regex ReleasedNumber();
}
