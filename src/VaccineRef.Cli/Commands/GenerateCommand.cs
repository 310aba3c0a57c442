using System.Collections.Immutable;
using System.CommandLine;
using System.Numerics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine generate: lets a model answer prompts.</summary>
internal sealed class GenerateCommand
{
    private readonly ModelSelection _models = new();
    private readonly GenerationSelection _generation = new();
    private readonly DeviceOptions _where = new();
    private readonly Option<string[]> _prompts = new("--prompt")
    {
        Description = "A prompt; may be given several times.",
        HelpName = "TEXT",
    };

    private readonly DataSelection _data =
        new("--file", "Data files whose prompts are answered; a pattern such as \"data/*.jsonl\", or a folder.", TaskPreset.Prompts);

    private readonly Option<int> _count =
        CommonOptions.Count("--count", "Rows of the file, from the first; 0 takes all.", 0, least: 0);

    private readonly Option<string?> _output = new("--output", "--out")
    {
        Description = "Where to write a line of JSON for each answer; needed with --file, whose texts are not printed.",
        HelpName = "JSONL",
    };

    public static Command Create()
    {
        var generate = new GenerateCommand();
        var command = new Command("generate", "Let a model, or a stage of a run, answer prompts.");
        generate._models.AddTo(command);
        command.Add(generate._prompts);
        generate._data.AddTo(command);
        command.Add(generate._count);
        command.Add(generate._output);
        generate._generation.AddTo(command);
        generate._where.AddTo(command);
        command.AddExamples(
            "vaccine generate runs/mine --stage attacked --prompt \"How is a kite made?\"",
            "vaccine generate my-model --file questions.csv --output answers.jsonl");
        command.SetAction(parsed => ExitCode.Of(cancel => generate.Run(parsed, cancel)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        string? output = parsed.GetValue(_output);
        var rows = Rows(parsed, output, cancel);
        var subject = _models.Read(parsed, _where.Arithmetic(parsed), cancel);
        var tokenizer = subject.Tokenizer();
        GenerationOptions Options(int prompt, int context) =>
            _generation.Read(parsed, prompt, context, tokenizer.EosId);
        using var device = _where.Open(parsed);
        var answers = Display.Answers(Terminal.Open(), answered => subject.Precision == Precision.Double
            ? Answers<double>(subject, tokenizer, rows, Options, device, answered, cancel)
            : Answers<float>(subject, tokenizer, rows, Options, device, answered, cancel));
        if (output is null)
            foreach (var answer in answers)
                Console.Out.WriteLine(answer.Answer);
        else
            GeneratedAnswer.Write(output, answers);
        return ExitCode.Done;
    }

    private ImmutableArray<Example> Rows(ParseResult parsed, string? output, CancellationToken cancel)
    {
        string[] prompts = parsed.GetValue(_prompts) ?? [];
        var data = _data.ReadIfGiven(parsed);
        if (prompts.Length > 0 == data is not null)
            throw new InputException(
                "prompts come from one place", $"{_prompts.Name}, {_data.Files.Name}",
                data is null ? "neither" : "both",
                "either --prompt TEXT or --file FILE");
        if (data is null)
        {
            foreach (var option in (Option[])[.. _data.Details, _count])
                if (parsed.GetResult(option) is { Implicit: false })
                    throw new InputException(
                        "the option says something of a file", option.Name, "--prompt", "--file FILE", "leave it out");
            return [.. prompts.Select(prompt => ChatCommand.Question(prompt) with { Id = "prompt" })];
        }

        if (output is null)
            throw new InputException(
                "the texts of a file are not printed", _output.Name, "nothing", "a file for the answers",
                "give --output JSONL");
        var all = new DataFiles(".", cancel).Read(data).Examples;
        int wanted = parsed.GetValue(_count);
        return wanted == 0 || wanted >= all.Length ? all : all[..wanted];
    }

    private static List<GeneratedAnswer> Answers<T>(
        Subject subject, ITextTokenizer tokenizer, IReadOnlyList<Example> rows,
        Func<int, int, GenerationOptions> options,
        Device device, Action<int, int>? answered, CancellationToken cancel)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var model = subject.LoadAndWarn<T>(device);
        var answers = new Answerer<T>(model, tokenizer, subject.Template, options)
            .Give([.. rows.Select(row => subject.Prompt(row, tokenizer))], cancel, answered);
        return [.. rows.Zip(answers, (row, answer) => new GeneratedAnswer(
            row.Id, row.Input.Length == 0 ? row.Instruction : $"{row.Instruction}\n{row.Input}", answer.Text,
            answer.Ended))];
    }
}

/// <summary>An answer, as a line of JSON.</summary>
/// <param name="Id">The row of the file, or "prompt".</param>
/// <param name="Prompt">What was asked.</param>
/// <param name="Answer">What the model answered.</param>
/// <param name="Ended">Whether the model ended the answer; otherwise it was cut.</param>
internal sealed record GeneratedAnswer(string Id, string Prompt, string Answer, bool Ended)
{
    private static readonly GeneratedAnswerJson Form = new(new(GeneratedAnswerJson.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>Writes a line for each answer.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<GeneratedAnswer> answers) => AtomicFile.Write(path, stream =>
    {
        foreach (var answer in answers)
            stream.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(answer, Form.GeneratedAnswer) + "\n"));
    });
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(GeneratedAnswer))]
internal sealed partial class GeneratedAnswerJson : JsonSerializerContext;
