using System.Diagnostics;

namespace VaccineRef.Models.Tests.Chat;

/// <summary>
/// Built-in templates letter for letter, where a model's own template is found, and templates that go wrong.
/// </summary>
public sealed class ChatTemplateTests : IDisposable
{
    private const string Vicuna = "A chat between a curious user and an artificial intelligence assistant. "
        + "The assistant gives helpful, detailed, and polite answers to the user's questions. ";

    private static readonly ChatTokens Tokens = new("<s>", "</s>");
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vaccineref-");

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>
    /// Checked by hand against what the models' authors publish. Turns: s system, u user, a assistant; g asks for an
    /// answer.
    /// </summary>
    [Theory]
    [InlineData("llama2", "ug", "<s>[INST] ask [/INST]")]
    [InlineData("llama2", "suauag", "<s>[INST] <<SYS>>\nbe\n<</SYS>>\n\nask [/INST] say </s><s>[INST] ask [/INST] say </s>")]
    [InlineData("llama3", "ug", "<s><|start_header_id|>user<|end_header_id|>\n\nask<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")]
    [InlineData("llama3", "sua", "<s><|start_header_id|>system<|end_header_id|>\n\nbe<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nask<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nsay<|eot_id|>")]
    [InlineData("vicuna", "ug", "<s>" + Vicuna + "USER: ask ASSISTANT:")]
    [InlineData("vicuna", "suaug", "<s>be USER: ask ASSISTANT: say</s>USER: ask ASSISTANT:")]
    [InlineData("mistral", "ug", "<s>[INST] ask [/INST]")]
    [InlineData("mistral", "suaua", "<s>[INST] be\n\nask [/INST] say</s>[INST] ask [/INST] say</s>")]
    [InlineData("chatml", "sug", "<|im_start|>system\nbe<|im_end|>\n<|im_start|>user\nask<|im_end|>\n<|im_start|>assistant\n")]
    [InlineData("chatml", "ua", "<|im_start|>user\nask<|im_end|>\n<|im_start|>assistant\nsay<|im_end|>\n")]
    [InlineData("alpaca", "ug", "<s>Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\nask\n\n### Response:\n")]
    [InlineData("alpaca", "suaug", "<s>be\n\n### Instruction:\nask\n\n### Response:\nsay</s>\n\n### Instruction:\nask\n\n### Response:\n")]
    public void Built_in_templates_letter_for_letter(string id, string turns, string expected) =>
        Assert.Equal(expected, ChatTemplate.Get(id, Tokens).Render(Talk(turns), turns.EndsWith('g')));

    [Theory]
    [InlineData("llama2")]
    [InlineData("vicuna")]
    [InlineData("mistral")]
    [InlineData("alpaca")]
    public void A_system_text_after_the_first_turn_is_refused_where_it_has_no_place(string id)
    {
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Get(id, Tokens).Render(Talk("usa"), false));
        Assert.Contains("a system text must come first", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A model that is saved or exported keeps its templates, wherever its folder has them.</summary>
    [Theory]
    [InlineData("chat_template.jinja", "{{ messages }}")]
    [InlineData("chat_template.json", """{"chat_template": "{{ messages }}"}""")]
    [InlineData("tokenizer_config.json", """{"chat_template": "{{ messages }}"}""")]
    [InlineData("additional_chat_templates/default.jinja", "{{ messages }}")]
    public void Copies_of_a_folder_have_its_templates(string file, string text)
    {
        using var folder = new TempFolder();
        string from = Directory.CreateDirectory(folder.File("from")).FullName,
            to = Directory.CreateDirectory(folder.File("to")).FullName;
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(from, file))!);
        File.WriteAllText(Path.Combine(from, file), text);
        TokenizerFiles.Copy(from, to);
        Assert.Equal(text, File.ReadAllText(Path.Combine(to, file)));
    }

    [Fact]
    public void A_models_own_template_is_found_where_transformers_looks_for_it()
    {
        Write(
            "tokenizer_config.json",
            """{"bos_token":"<b>","eos_token":{"content":"<e>"},"chat_template":"config {{ bos_token }}{{ eos_token }}"}""");
        Assert.Equal("config <b><e>", Load().Render([], false));
        Write(
            "tokenizer_config.json",
            """{"bos_token":"<b>","eos_token":"<e>","chat_template":[{"name":"default","template":"one"},{"name":"tool_use","template":"two"}]}""");
        Assert.Equal("one", Load().Render([], false));
        Assert.Equal("two", Load("model:tool_use").Render([], false));
        Assert.Contains(
            "default, tool_use", Assert.Throws<ChatTemplateException>(() => Load("model:rag")).Message,
            StringComparison.Ordinal);
        Write("chat_template.jinja", "file");
        Assert.Equal("file", Load().Render([], false));
        Assert.Equal("two", Load("model:tool_use").Render([], false));
        Assert.NotEqual(Load().Id, Load("model:tool_use").Id);
        Assert.StartsWith("model:", Load().Id, StringComparison.Ordinal);
    }

    [Fact]
    public void A_template_that_is_not_there_is_an_error()
    {
        Write("tokenizer_config.json", """{"bos_token":"<b>","eos_token":"<e>"}""");
        var error = Assert.Throws<ChatTemplateException>(() => Load());
        Assert.Equal("the model has no chat template", error.What);
        Assert.Contains("llama2, llama3, vicuna, mistral, chatml, alpaca", error.Message, StringComparison.Ordinal);
        Assert.Throws<ChatTemplateException>(() => Load("llama4"));
        Write("chat_template.jinja", [0xFF, 0x41]);
        Assert.Contains("UTF-8", Assert.Throws<ChatTemplateException>(() => Load()).What, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\n\n{% include 'x' %}", 3, "{% include %}")]
    [InlineData("a\n{% for x in y recursive %}{% endfor %}", 2, "recursive")]
    [InlineData("{{ x | dictsort }}", 1, "the filter dictsort")]
    [InlineData("\n{{ x is escaped }}", 2, "the test escaped")]
    [InlineData("\n\n{{ f(*x) }}", 3, "arguments from a list")]
    [InlineData("\n{% raw %}{% endraw %}", 2, "{% raw %}")]
    [InlineData("\n{% call f() %}{% endcall %}", 2, "{% call %}")]
    [InlineData("\n{{ 'x'.zfill(3) }}", 2, "'zfill'")]
    [InlineData("\n{{ {'a': 1}.items }}", 2, "'items'")]
    [InlineData("\n{{ '\\N{DASH}' }}", 2, "\\N")]
    [InlineData("\n{{ {1: 2} }}", 2, "keys of a dictionary")]
    public void What_is_not_supported_is_named_with_its_line(string text, int line, string named)
    {
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(text, Tokens, "t").Render([], false));
        Assert.Contains($"t, line {line}", error.Message, StringComparison.Ordinal);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// As Python computes with numbers that are not whole: division rounds down, and the remainder has the divisor's
    /// sign.
    /// </summary>
    [Theory]
    [InlineData("7.5 // 2", "3.0")]
    [InlineData("(0 - 7.5) // 2", "-4.0")]
    [InlineData("(0 - 7.5) % 2", "0.5")]
    [InlineData("7.5 - 2", "5.5")]
    [InlineData("7.5 * 2", "15.0")]
    [InlineData("7.5 / 2", "3.75")]
    public void Fractions_are_computed_as_Python_does(string sum, string expected) =>
        Assert.Equal(expected, ChatTemplate.Parse($"{{{{ {sum} }}}}", Tokens).Render([], false));

    /// <summary>Each would take very long, very much memory, or the stack.</summary>
    [Theory]
    [InlineData("{% for i in range(1000000000) %}{% endfor %}")]
    [InlineData("{% for i in range(30000) %}{% for j in range(30000) %}{% endfor %}{% endfor %}")]
    [InlineData("{{ 'a' * 1000000000000 }}")]
    [InlineData("{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}")]
    [InlineData("{% set ns = namespace(s=['a']) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}")]
    [InlineData("{% set ns = namespace(s=['a']) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}")]
    [InlineData("{% set ns = namespace(s='a', t='a') %}{% for i in range(40) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}")]
    [InlineData("{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}")]
    [InlineData("{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s == [ns.s] }}{{ ns.s|tojson }}")]
    [InlineData("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")]
    [InlineData("{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}")]
    [InlineData("{% set s = 'ab' * 1000000 %}{% for i in range(1000000) %}{{ s|replace('a', 'aaaa') == s }}{% endfor %}")]
    [InlineData("{% for i in range(1000000) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' * 100 }}{% endfor %}")]
    [InlineData("{{ 99999999999 ** 99999 }}{{ 9223372036854775807 + 1 }}")]
    [InlineData("{{ 2 ** 1000000 }}")]
    public void Hostile_templates_end_with_an_error(string text)
    {
        var clock = Stopwatch.StartNew();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(text, Tokens).Render([], false));
        Assert.True(clock.Elapsed.TotalSeconds < 10, $"{clock.Elapsed}");
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4L << 30);
    }

    [Theory]
    [InlineData("(", "1", ")")]
    [InlineData("[", "1", "]")]
    [InlineData("not ", "1", "")]
    [InlineData("- ", "1", "")]
    [InlineData("1 if 1 else ", "1", "")]
    public void Deep_nesting_ends_with_an_error(string open, string inside, string close)
    {
        string deep =
            string.Concat(Enumerable.Repeat(open, 100_000)) + inside + string.Concat(Enumerable.Repeat(close, 100_000));
        Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse($"{{{{ {deep} }}}}", Tokens));
    }

    [Fact]
    public void Deeply_nested_tags_end_with_an_error() => Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(
        string.Concat(Enumerable.Repeat("{% if 1 %}", 100_000))
            + string.Concat(Enumerable.Repeat("{% endif %}", 100_000)), Tokens));

    /// <summary>Long chains on one level are as deep for whoever evaluates them.</summary>
    [Theory]
    [InlineData("1", " + 1")]
    [InlineData("x", ".x")]
    [InlineData("x", "|trim")]
    [InlineData("1", " or 1")]
    [InlineData("1", " if 1 else 1 if 1")]
    public void Long_chains_end_with_an_error_or_a_value(string first, string more)
    {
        string text = $"{{{{ {first}{string.Concat(Enumerable.Repeat(more, 50_000))} }}}}";
        var error = Record.Exception(() => ChatTemplate.Parse(text, Tokens).Render([], false));
        Assert.True(error is null or ChatTemplateException, $"{error}");
    }

    private static ChatMessage[] Talk(string turns) => [.. turns.Where(turn => turn != 'g').Select(turn => turn switch
    {
        's' => new ChatMessage(ChatMessage.System, "be"),
        'u' => new ChatMessage(ChatMessage.User, "ask"),
        _ => new ChatMessage(ChatMessage.Assistant, "say"),
    })];

    private ChatTemplate Load(string id = "model") => ChatTemplate.Load(_folder.FullName, id);

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder.FullName, name), text);

    private void Write(string name, byte[] bytes) => File.WriteAllBytes(Path.Combine(_folder.FullName, name), bytes);
}
