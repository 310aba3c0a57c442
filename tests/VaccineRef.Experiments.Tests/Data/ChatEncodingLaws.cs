using VaccineRef.Experiments.Data;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>
/// In a conversation exactly the tokens of the model's turns are learned, the one that ends a turn among them.
/// </summary>
public sealed class ChatEncodingLaws
{
    private static readonly MarkTokenizer Tokenizer = new();
    private static readonly ChatTokens Tokens = new("<s>", "</s>");

    // what the model writes in a turn, by hand
    private static readonly Dictionary<string, Func<string, string>> Written = new()
    {
        ["llama2"] = said => $" {said.Trim()} </s>",
        ["llama3"] = said => $"{said.Trim()}<|eot_id|>",
        ["mistral"] = said => $" {said}</s>",
        ["vicuna"] = said => $" {said}</s>",
        ["chatml"] = said => $"{said}<|im_end|>",
        ["alpaca"] = said => $"{said}</s>",
    };

    [Property(MaxTest = 60)]
    public void Exactly_the_turns_of_the_model_are_learned(byte[] sizes, bool hasSystem, byte unlearned)
    {
        var turns = Talk([.. sizes, 7, 8], hasSystem, (byte)(unlearned % 3));
        var row = Example(turns);
        foreach (var (id, written) in Written)
        {
            var template = PromptTemplate.Of(ChatTemplate.Get(id, Tokens));
            var encoded = Assert.Single(new ExampleEncoder(Tokenizer, template, int.MaxValue).Encode([row]).Examples);
            string whole = ChatTemplate.Get(id, Tokens).Render(
                [.. turns.Select(turn => turn.Message)], addGenerationPrompt: false);
            Assert.Equal(Tokenizer.EncodeMarked(whole), encoded.Tokens);
            Assert.All(
                encoded.Labels.Zip(encoded.Tokens),
                pair => Assert.True(pair.First == PackedBatch.Ignored || pair.First == pair.Second));
            Assert.Equal(
                turns.Where(turn => turn.Learned).Select(turn => written(turn.Message.Content)),
                Learned(encoded.Labels));
            Assert.Equal(encoded.PromptLength, encoded.Labels.TakeWhile(label => label == PackedBatch.Ignored).Count());
        }
    }

    [Property(MaxTest = 30)]
    public void A_prompt_is_the_beginning_of_the_row_that_is_trained(byte[] sizes, bool hasSystem)
    {
        var row = Example(Talk(sizes, hasSystem, unlearned: 255));
        foreach (string id in ChatTemplate.BuiltIn)
        {
            var template = PromptTemplate.Of(ChatTemplate.Get(id, Tokens));
            var encoded = new ExampleEncoder(Tokenizer, template, int.MaxValue).Encode([row]).Examples[0];
            int last = encoded.Labels.Length - encoded.Labels.Reverse().SkipWhile(label => label == PackedBatch.Ignored)
                .TakeWhile(label => label != PackedBatch.Ignored).Count() - encoded.Labels.Reverse()
                    .TakeWhile(label => label == PackedBatch.Ignored).Count();
            Assert.Equal(encoded.Tokens[..last], template.Prompt(row, Tokenizer));
        }
    }

    /// <summary>
    /// A system text is for conversations that have none: there it is as a first turn of its own; another's own text
    /// stays the only one.
    /// </summary>
    [Property(MaxTest = 20)]
    public void A_system_text_is_put_before_conversations_that_have_none(byte[] sizes, bool hasSystem)
    {
        var turns = Talk([.. sizes, 7, 8], hasSystem, unlearned: 255);
        List<ChatTurn> asIf = hasSystem ? turns : [new(new(ChatMessage.System, "Be brief."), Learned: false), .. turns];
        foreach (string id in (string[])["llama2", "llama3", "vicuna", "chatml"])
        {
            var template = ChatTemplate.Get(id, Tokens);
            PromptTemplate with = PromptTemplate.Of(template, "Be brief."), without = PromptTemplate.Of(template);
            var row = new ExampleEncoder(Tokenizer, with, int.MaxValue).Encode([Example(turns)]).Examples[0];
            var expected = new ExampleEncoder(Tokenizer, without, int.MaxValue).Encode([Example(asIf)]).Examples[0];
            Assert.Equal(expected.Tokens, row.Tokens);
            Assert.Equal(expected.Labels, row.Labels);
            Assert.Equal(without.Prompt(Example(asIf), Tokenizer), with.Prompt(Example(turns), Tokenizer));
        }
    }

    [Fact]
    public void Every_task_can_be_wrapped_and_alpaca_is_the_template_of_one_turn()
    {
        var row = Rows.One("Sum.", "1 2", "3");
        var chat = PromptTemplate.Of(ChatTemplate.Get("chatml", Tokens), "Be brief.");
        Assert.Equal(
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nSum.\n\n1 2<|im_end|>\n<|im_start|>assistant\n",
            chat.Render(row));
        Assert.StartsWith("chatml, system ", chat.Id, StringComparison.Ordinal);
        Assert.Equal(Tokenizer.EncodeMarked("<|im_end|>"), chat.EndsOfTurn(Tokenizer));
        var alpaca = PromptTemplate.Of(ChatTemplate.Get("alpaca", new(null, "</s>")));
        Assert.Equal(PromptTemplate.AlpacaBooster.Render(Rows.One("Say hi.")), alpaca.Render(Rows.One("Say hi.")));
        Assert.Equal("Say hi.\n", PromptTemplate.Plain.Render(Rows.One("Say hi.")));
    }

    [Fact]
    public void Marks_of_the_template_hold()
    {
        var template = ChatTemplate.Parse(
            "{% for m in messages %}{% if m.role == 'assistant' %}>{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}\n{% else %}{{ m.content }}{% endif %}{% endfor %}", Tokens);
        var row = new ExampleEncoder(Tokenizer, PromptTemplate.Of(template)).Encode([Example(Talk([1, 2], false, 255))]).Examples[0];
        Assert.Equal(["1a1</s>", "2a2</s>"], Learned(row.Labels));
    }

    /// <summary>The colon before an answer and the space after it are one token here.</summary>
    [Fact]
    public void A_token_across_the_beginning_of_an_answer_is_an_error_or_is_counted()
    {
        var merging = new MarkTokenizer(merges: true);
        var template = PromptTemplate.Of(ChatTemplate.Get("vicuna", Tokens));
        var row = Example(Talk([1, 1], false, 255));
        var error =
            Assert.Throws<DataException>(() => new ExampleEncoder(merging, template, int.MaxValue).Encode([row]));
        Assert.Contains("token boundaries", error.What, StringComparison.Ordinal);
        var apart = new ExampleEncoder(merging, template, int.MaxValue, BoundaryPolicy.Separate).Encode([row]);
        Assert.Equal(1, apart.Report.BoundaryMismatches);
        Assert.Equal([" 1a1</s>", " 1a1</s>"], Learned(apart.Examples[0].Labels));
        var released = new ExampleEncoder(merging, template, int.MaxValue, BoundaryPolicy.ByLength).Encode([row]);
        Assert.Equal(["1a1</s>", "1a1</s>"], Learned(released.Examples[0].Labels));
    }

    [Fact]
    public void What_a_template_cannot_express_is_named_with_its_row()
    {
        var two = Example(Talk([1, 1], false, 255));
        Assert.Equal("made-up:1", Assert.Throws<DataException>(() => PromptTemplate.AlpacaVaccine.Render(two)).File);
        var changing = PromptTemplate.Of(
            ChatTemplate.Parse("{{ messages|length }}{% for m in messages %}{{ m.content }}{% endfor %}", Tokens));
        Assert.Contains(
            "turn by turn",
            Assert.Throws<DataException>(() => new ExampleEncoder(Tokenizer, changing).Encode([two])).What,
            StringComparison.Ordinal);
        var refusing = PromptTemplate.Of(ChatTemplate.Parse("\n{{ raise_exception('no') }}", Tokens));
        var error = Assert.Throws<DataException>(() => new ExampleEncoder(Tokenizer, refusing).Encode([two]));
        Assert.Contains("line 2", error.Message, StringComparison.Ordinal);
        var unanswered = Example(Talk([1], false, 0));
        Assert.Contains("cannot be trained on", Assert.Throws<DataException>(() =>
            new ExampleEncoder(Tokenizer, PromptTemplate.Of(ChatTemplate.Get("chatml", Tokens))).Encode([unanswered])).What, StringComparison.Ordinal);
    }

    /// <summary>
    /// Turns of the user and the model, one pair for each size; the model's turn of the number given is not learned.
    /// </summary>
    private static List<ChatTurn> Talk(byte[] sizes, bool hasSystem, byte unlearned)
    {
        var turns = new List<ChatTurn>();
        if (hasSystem)
            turns.Add(new(new(ChatMessage.System, "Be kind."), false));
        byte[] pairs = sizes.Length == 0 ? [3] : [.. sizes.Take(4)];
        foreach (var (i, size) in pairs.Index())
        {
            turns.Add(new(new(ChatMessage.User, $"u{size}"), false));
            turns.Add(new(new(ChatMessage.Assistant, $"{size}a{size}"), i != unlearned));
        }

        return turns;
    }

    private static Example Example(List<ChatTurn> turns) =>
        Rows.One(turns[^2].Message.Content, output: turns[^1].Message.Content) with { Turns = turns };

    /// <summary>The texts of the stretches that are learned.</summary>
    private static List<string> Learned(int[] labels)
    {
        var texts = new List<string>();
        for (int i = 0; i < labels.Length; i++)
            if (labels[i] != PackedBatch.Ignored && (i == 0 || labels[i - 1] == PackedBatch.Ignored))
                texts.Add(Tokenizer.Decode(
                    [.. labels[i..].TakeWhile(label => label != PackedBatch.Ignored)], skipSpecialTokens: false));
        return texts;
    }
}
