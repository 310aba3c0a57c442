using System.Text.Json.Nodes;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>The commands chat and generate.</summary>
public sealed class ChatTests : IDisposable
{
    private readonly TinyExperiment _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void Chat_answers_each_line_as_generate_does_and_ends_with_the_input()
    {
        string[] options = [_tiny.In("model"), "--max-new-tokens", "9", "--template", "none", "--threads", "1"];
        var chat = Chat("Where is kite 1?\n\nWhere is ball 2?", options);
        Assert.Equal((0, ""), (chat.Code, chat.Error));
        var (first, second) = (Generate("Where is kite 1?"), Generate("Where is ball 2?"));
        Assert.Equal(0, first.Code);
        Assert.Equal(Trimmed(first.Out + second.Out), Trimmed(chat.Out));

        Outcome Generate(string prompt) => Vaccine.Run(["generate", .. options, "--prompt", prompt]);
    }

    [Fact]
    public void With_a_chat_template_the_conversation_is_kept_until_it_is_begun_anew()
    {
        const string Talk = "Where is kite 1?\nWhere is ball 2?\n /reset \nWhere is ball 2?\n";
        // Many tokens of this model are white space: the seed is one whose answers are a line each, and that tells the
        // two prompts apart.
        var (options,
            said) = Enumerable.Range(0, 40).Select(seed => (Options: Options(seed), Said: Lines(Talk, Options(seed))))
            .First(each => each.Said is [_, var kept, var anew] && kept != anew);
        Assert.Equal(Lines("Where is ball 2?\n", options), said[2..]);
        string row = new JsonObject
        {
            ["messages"] = new JsonArray(
                Message("user", "Where is kite 1?"), Message("assistant", said[0]), Message("user", "Where is ball 2?"),
                Message("assistant", "?")),
        }.ToJsonString();
        var asked = Vaccine.Run(
            ["generate", .. options, "--file", _tiny.Write("talk.jsonl", row + "\n"), "--task", "chat", "--output",
                _tiny.In("out.jsonl")]);
        Assert.Equal((0, ""), (asked.Code, asked.Error));
        Assert.Equal(said[1], JsonNode.Parse(File.ReadAllText(_tiny.In("out.jsonl")))!["answer"]!.ToString());

        static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
        string[] Options(int seed) =>
        [
            _tiny.In("model"), "--max-new-tokens", "9", "--template", "chatml", "--threads", "1", "--temperature",
            "1.5", "--seed", $"{seed}",
        ];
        string[] Lines(string input, string[] options) =>
            [.. Chat(input, options).Out.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n')
                .Select(line => line.Trim())];
    }

    [Fact]
    public void A_conversation_that_no_longer_fits_is_named_with_its_remedy_and_stays_as_it_was()
    {
        string[] options = [_tiny.In("model"), "--max-new-tokens", "2", "--template", "chatml", "--threads", "1"];
        var chat = Chat($"Where?\n{new string('x', 600)}\nAnd then?\n", options);
        Assert.Equal(0, chat.Code);
        Assert.Contains("/reset leaves out what was said before", chat.Error);
        Assert.Equal(Chat("Where?\nAnd then?\n", options).Out, chat.Out);
    }

    [Fact]
    public void A_question_that_cannot_be_answered_is_named_and_the_talk_goes_on()
    {
        var chat = Chat(
            $"{new string('x', 600)}\nWhere?\n", [_tiny.In("model"), "--max-new-tokens", "2", "--template", "none"]);
        Assert.Equal(0, chat.Code);
        Assert.Contains("600 tokens", chat.Error);
        Assert.Single(Trimmed(chat.Out));
    }

    [Fact]
    public void Pieces_that_are_shown_make_up_the_answer_whatever_the_characters()
    {
        // Many tokens of this model are parts of characters: what is shown is never taken back.
        for (int seed = 0; seed < 20; seed++)
        {
            string[] options =
            [
                _tiny.In("model"), "--max-new-tokens", "12", "--template", "none", "--temperature", "1.5", "--seed",
                $"{seed}", "--threads", "1",
            ];
            string shown = Chat("é?", options).Out;
            string whole = Vaccine.Run(["generate", .. options, "--prompt", "é?"]).Out;
            Assert.Equal(whole.Trim(), shown.Trim());
        }
    }

    [Theory]
    [InlineData("-INT", 130)]
    [InlineData("-TERM", 143)]
    [InlineData("-HUP", 129)]
    public void An_interrupt_ends_a_chat_that_waits_for_input(string signal, int code)
    {
        Vaccine.RequireInterrupts(signal);
        using var process = Vaccine.Start(
            ["chat", _tiny.In("model"), "--max-new-tokens", "3", "--threads", "1"], input: true);
        process.StandardInput.WriteLine("Where?");
        process.StandardInput.Flush();
        Assert.NotNull(process.StandardOutput.ReadLine());
        Assert.Equal(code, Vaccine.Signal(process, signal));
        Assert.DoesNotContain("   at ", process.StandardError.ReadToEnd());
    }

    [Fact]
    public void Generate_writes_a_line_for_each_row_and_prints_no_text_of_a_file()
    {
        var outcome = Vaccine.Run(
            "generate", _tiny.In("model"), "--file", _tiny.In("asked.jsonl"), "--output", _tiny.In("out.jsonl"),
            "--max-new-tokens", "4");
        Assert.Equal((0, "", ""), (outcome.Code, outcome.Out, outcome.Error));
        var lines = File.ReadLines(_tiny.In("out.jsonl")).Select(line => JsonNode.Parse(line)!).ToArray();
        Assert.Equal(["Where is ball 0?", "Where is ball 1?"], lines.Select(line => line["prompt"]!.ToString()));
        Assert.Equal(["asked.jsonl:1", "asked.jsonl:2"], lines.Select(line => line["id"]!.ToString()));
        Assert.All(lines, line => Assert.NotNull(line["ended"]));
        string alone =
            Vaccine.Run("generate", _tiny.In("model"), "--prompt", "Where is ball 1?", "--max-new-tokens", "4").Out;
        Assert.Equal(alone.TrimEnd('\n', '\r'), lines[1]["answer"]!.ToString());
    }

    [Fact]
    public void An_answer_ends_where_the_context_does()
    {
        var outcome = Vaccine.Run(
            "generate", _tiny.In("model"), "--template", "none", "--prompt", new string('x', 508), "--prompt", "y",
            "--max-new-tokens", "20",
            "--output", _tiny.In("out.jsonl"));
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Equal(2, File.ReadLines(_tiny.In("out.jsonl")).Count());
    }

    [Fact]
    public void A_chat_template_is_that_of_the_option_and_of_a_runs_recipe()
    {
        string[] ask = ["--prompt", "Where?", "--max-new-tokens", "9", "--threads", "1"];
        string[] template = ["--template", "chatml", "--system", "Be kind."];
        string plain = Vaccine.Run(["generate", _tiny.In("model"), .. ask]).Out;
        var chosen = Vaccine.Run(["generate", _tiny.In("model"), .. ask, .. template]);
        Assert.Equal((0, ""), (chosen.Code, chosen.Error));
        Assert.NotEqual(plain, chosen.Out);
        string[] set = ["--set", "template=chatml", "--set", "system=Be kind.", "--set", "max_length=500"];
        Assert.Equal(0, Vaccine.Run(["run", _tiny.Recipe, "--out", _tiny.In("run"), "--threads", "1", .. set]).Code);
        Assert.Equal(chosen.Out, Vaccine.Run(["generate", _tiny.In("run"), "--stage", "model", .. ask]).Out);
    }

    [Theory]
    [InlineData("either --prompt TEXT or --file FILE")]
    [InlineData("either --prompt TEXT or --file FILE", "--prompt", "a", "--file", "asked.jsonl")]
    [InlineData("--output", "--file", "asked.jsonl")]
    [InlineData("--file FILE", "--prompt", "a", "--count", "2")]
    [InlineData("only a run has stages", "--prompt", "a", "--stage", "attacked")]
    [InlineData("only a chat template has a system text", "--prompt", "a", "--system", "Be kind.")]
    [InlineData("did you mean \"chatml\"", "--prompt", "a", "--template", "chatlm")]
    [InlineData("--top-p", "--prompt", "a", "--top-p", "0")]
    [InlineData("--temperature", "--prompt", "a", "--temperature", "-1")]
    public void Wrong_options_of_generate_are_named(string says, params string[] options)
    {
        var outcome = Vaccine.Run(["generate", _tiny.In("model"), .. options]);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(says, outcome.Error);
    }

    private static Outcome Chat(string input, string[] options)
    {
        var before = Console.In;
        Console.SetIn(new StringReader(input));
        try
        {
            return Vaccine.Run(["chat", .. options]);
        }
        finally
        {
            Console.SetIn(before);
        }
    }

    private static string[] Trimmed(string text) =>
        [.. text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
}
