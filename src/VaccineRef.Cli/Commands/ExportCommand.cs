using System.CommandLine;
using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine export: writes a model with its adapters merged as one Hugging Face folder.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var (models, where) = (new ModelSelection(), new DeviceOptions());
        var to = new Option<string>("--to")
        {
            Description = "A new or empty folder.",
            Required = true,
            HelpName = "DIR",
        };
        var type = new Option<string>("--dtype")
        {
            Description = "The type of the weights: f32, or bf16, which rounds each by at most 2^-8 of itself.",
            DefaultValueFactory = _ => "f32",
            HelpName = "TYPE",
        };
        type.AcceptOnlyFromAmong("f32", "bf16");
        var command = new Command("export", "Write a stage of a run, or a model with its adapters, as one Hugging Face folder.")
        {
            to, type,
        };
        models.AddTo(command, hasTemplate: false);
        where.AddTo(command);
        command.AddExamples(
            "vaccine export runs/mine --stage aligned --to aligned-model",
            "vaccine export my-model --adapter my-adapter --to merged --dtype bf16");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            var subject = models.Read(parsed, where.Arithmetic(parsed), cancel);
            string folder = parsed.GetRequiredValue(to);
            var stored = parsed.GetRequiredValue(type) == "bf16" ? TensorType.BF16 : TensorType.F32;
            using var device = where.Open(parsed);
            if (subject.Precision == Precision.Double)
                Export<double>(subject, folder, stored, device);
            else
                Export<float>(subject, folder, stored, device);
            Console.Out.WriteLine($"{subject.Name} is {folder}, a Hugging Face folder with weights in {stored}.");
            return ExitCode.Done;
        }));
        return command;
    }

    private static void Export<T>(Subject subject, string folder, TensorType type, Device device)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var model = subject.LoadAndWarn<T>(device);
        model.MergeAdapter();
        model.Export(folder, type, subject.WriteTokenizer);
    }
}
