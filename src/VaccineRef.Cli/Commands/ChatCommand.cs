using System.CommandLine;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine chat: answers what is typed, line by line.</summary>
internal static class ChatCommand
{
    private const string Mark = "> ", Reset = "/reset";

    public static Command Create()
    {
        var (models, generation, where) = (new ModelSelection(), new GenerationSelection(), new DeviceOptions());
        var command = new Command(
            "chat",
            "Ask a model, or a stage of a run, line by line. With a chat template, all questions and answers before are part of the prompt, "
            + $"until {Reset} begins anew; with another, each line is a question of its own and nothing is kept. Ends with the input.");
        models.AddTo(command);
        generation.AddTo(command);
        where.AddTo(command);
        command.AddExamples(
            "vaccine chat runs/mine --stage aligned",
            "echo \"How is a kite made?\" | vaccine chat my-model --adapter my-adapter");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            var subject = models.Read(parsed, where.Arithmetic(parsed), cancel);
            var tokenizer = subject.Tokenizer();
            GenerationOptions Options(int prompt, int context) =>
                generation.Read(parsed, prompt, context, tokenizer.EosId);
            using var device = where.Open(parsed);
            return subject.Precision == Precision.Double
                ? Talk<double>(subject, tokenizer, Options, device, cancel)
                : Talk<float>(subject, tokenizer, Options, device, cancel);
        }));
        return command;
    }

    private static int Talk<T>(
        Subject subject, ITextTokenizer tokenizer, Func<int, int, GenerationOptions> options, Device device,
        CancellationToken cancel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var model = subject.LoadAndWarn<T>(device);
        var answerer = new Answerer<T>(model, tokenizer, subject.Template, options);
        bool asks = !Console.IsInputRedirected, keeps = subject.HasTurns;
        var turns = new List<ChatTurn>();
        if (asks)
            Console.Out.WriteLine(keeps
                ? $"{subject.Name}. The conversation is kept; {Reset} begins anew, an empty line or Ctrl-D ends."
                : $"{subject.Name}. Each line is a question of its own; an empty line or Ctrl-D ends.");
        while (Next(asks, cancel) is { } line && !(asks && line.Length == 0))
        {
            if (line.Trim() == Reset)
                turns.Clear();
            else if (line.Length > 0)
                Ask(line);
        }

        return ExitCode.Done;

        // A question that cannot be answered leaves the conversation as it was.
        void Ask(string line)
        {
            ChatTurn[] asked = keeps ? [.. turns, new(new(ChatMessage.User, line), Learned: false)] : [];
            try
            {
                var answer = answerer.Give(
                    subject.Prompt(Question(line) with { Turns = asked }, tokenizer), Show, cancel);
                Console.Out.WriteLine();
                if (keeps)
                    turns = [.. asked, new(new(ChatMessage.Assistant, answer.Text), Learned: false)];
            }
            catch (InputException error)
            {
                Console.Error.WriteLine($"vaccine: {error.Message}");
                if (turns.Count > 0)
                    Console.Error.WriteLine(
                        $"  remedy:   {Reset} leaves out what was said before, which is part of the prompt");
            }
        }
    }

    /// <summary>A question as a row of a data set.</summary>
    internal static Example Question(string text) => new("question", text, "", "", null, null, TaskPreset.Prompts.Id);

    private static void Show(string piece)
    {
        Console.Out.Write(piece);
        Console.Out.Flush();
    }

    /// <summary>The next line; null at the end of the input. An interrupt is heard while it is awaited.</summary>
    private static string? Next(bool asks, CancellationToken cancel)
    {
        if (asks)
            Show(Mark);
        return Task.Run(Console.In.ReadLine, cancel).WaitAsync(cancel).GetAwaiter().GetResult();
    }
}
