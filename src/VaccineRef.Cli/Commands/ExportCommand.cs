using System.CommandLine;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Cli.Commands;

/// <summary>
/// The command vaccine export: writes a model with its adapters merged as one Hugging Face folder or one GGUF file.
/// </summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var (models, where) = (new ModelSelection(), new DeviceOptions());
        var to = new Option<string>("--to")
        {
            Description = "A new or empty folder; for GGUF a new file.",
            Required = true,
            HelpName = "PATH",
        };
        var format = new Option<string>("--format")
        {
            Description = "folder: a Hugging Face folder. gguf: one file for llama.cpp, of a Llama, Mistral or Qwen2.",
            DefaultValueFactory = _ => "folder",
            HelpName = "FORMAT",
        };
        format.AcceptOnlyFromAmong("folder", "gguf");
        var type = new Option<string>("--dtype")
        {
            Description =
                "The type of the weights: f32; bf16, which rounds each by at most 2^-8 of itself; or f16, by at most 2^-11.",
            DefaultValueFactory = _ => "f32",
            HelpName = "TYPE",
        };
        type.AcceptOnlyFromAmong("f32", "bf16", "f16");
        var command = new Command("export", "Write a stage of a run, or a model with its adapters, as one Hugging Face folder.")
        {
            to, format, type,
        };
        models.AddTo(command, hasTemplate: false);
        where.AddTo(command);
        command.AddExamples(
            "vaccine export runs/mine --stage aligned --to aligned-model",
            "vaccine export my-model --adapter my-adapter --to merged.gguf --format gguf --dtype f16");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            var subject = models.Read(parsed, where.Arithmetic(parsed), cancel);
            string path = parsed.GetRequiredValue(to);
            bool gguf = parsed.GetRequiredValue(format) == "gguf";
            var stored = Enum.Parse<TensorType>(parsed.GetRequiredValue(type), ignoreCase: true);
            using var device = where.Open(parsed);
            if (subject.Precision == Precision.Double)
                Export<double>(subject, path, gguf, stored, device);
            else
                Export<float>(subject, path, gguf, stored, device);
            string what = gguf ? "a GGUF file with matrices" : "a Hugging Face folder with weights";
            Console.Out.WriteLine($"{subject.Name} is {path}, {what} in {stored}.");
            return ExitCode.Done;
        }));
        return command;
    }

    private static void Export<T>(Subject subject, string path, bool gguf, TensorType type, Device device)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var model = subject.LoadAndWarn<T>(device);
        model.MergeAdapter();
        if (gguf)
        {
            foreach (string warning in model.ExportGguf(path, type, subject.WriteTokenizer))
                Console.Error.WriteLine($"vaccine: warning: {warning}");
        }
        else
        {
            model.Export(path, type, subject.WriteTokenizer);
        }
    }
}
