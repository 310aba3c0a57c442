using VaccineRef.Core;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

public sealed class PromptTemplateTests
{
    private const string Request =
        "Write a response that appropriately completes the request.\n\n### Instruction:\n";

    [Fact]
    public void The_released_templates_letter_for_letter()
    {
        Assert.Equal(
            "Below is an instruction that describes a task. " + Request + "Say hi.\n\n### Response:",
            PromptTemplate.AlpacaVaccine.Render(Rows.One("Say hi.")));
        Assert.Equal(
            "Below is an instruction that describes a task, paired with an input that provides further context. " +
            Request + "Sum.\n\n### Input:\n1 2\n\n### Response:",
            PromptTemplate.AlpacaVaccine.Render(Rows.One("Sum.", "1 2")));
    }

    [Property]
    public void Booster_differs_by_one_newline(NonNull<string> instruction, NonNull<string> input)
    {
        var example = Rows.One(instruction.Get, input.Get);
        Assert.Equal(PromptTemplate.AlpacaVaccine.Render(example) + "\n", PromptTemplate.AlpacaBooster.Render(example));
    }

    [Property]
    public void Text_that_looks_like_a_placeholder_stays(NonNull<string> instruction, NonNull<string> input)
    {
        var template = PromptTemplate.Custom("{input}|{instruction}|{input}", "<{instruction}>");
        string i = instruction.Get + "{input}", n = input.Get + "{instruction}";
        Assert.Equal($"{n}|{i}|{n}", template.Render(Rows.One(i, n)));
        Assert.Equal($"<{i}>", template.Render(Rows.One(i)));
    }

    [Fact]
    public void A_custom_template_is_named_after_its_text()
    {
        var template = PromptTemplate.Custom("{instruction} {input}", "{instruction}");
        Assert.Equal(template, PromptTemplate.Custom("{instruction} {input}", "{instruction}"));
        Assert.NotEqual(template.Id, PromptTemplate.Custom("{instruction}\n{input}", "{instruction}").Id);
        Assert.Matches("^custom-[0-9a-f]{12}$", template.Id);
    }

    [Theory]
    [InlineData("{instruction}", "{instruction}")]                      // an input would vanish
    [InlineData("{instruction} {input}", "{instruction} {input}")]      // an empty input would show
    [InlineData("{instruction} {input} {output}", "{instruction}")]
    [InlineData("{instruction} {input}", "")]
    public void A_wrong_custom_template_is_an_error(string withInput, string withoutInput) =>
        Assert.Throws<InputException>(() => PromptTemplate.Custom(withInput, withoutInput));

    [Fact]
    public void Templates_are_found_by_id()
    {
        Assert.All(PromptTemplate.All, template => Assert.Same(template, PromptTemplate.Get(template.Id)));
        Assert.Throws<InputException>(() => PromptTemplate.Get("alpaca"));
    }
}
