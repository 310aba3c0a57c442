using System.CommandLine;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Cli;

/// <summary>
/// The argument that names a model or a run, and the options that say which model is meant. They are the same for every
/// command that takes a model or a stage of a run.
/// </summary>
internal sealed class ModelSelection
{
    private readonly Argument<string> _model = new("model")
    {
        Description = "A Hugging Face folder, or the folder of a run or a grid.",
    };

    private readonly Option<string?> _stage = new("--stage")
    {
        Description = "Of a run: a stage by its name, aligned (before the attack) or attacked; the last one by default.",
        HelpName = "NAME",
    };

    private readonly Option<string[]> _trials = new("--trial")
    {
        Description = "Of a grid: a condition, an attack, a model or a seed, or a part of a name. Given again, it chooses among what is left.",
        HelpName = "WORD",
    };

    private readonly Option<string> _cache = ExperimentRunner.Cache();

    private readonly Option<string[]> _adapters = new("--adapter")
    {
        Description = "A PEFT folder to attach. Of several, in their order, each is merged before the next.",
        HelpName = "DIR",
    };

    private readonly Option<string?> _strip = new("--strip-prefix")
    {
        Description = "What the names of the weights begin with and the model's own names do not, such as module.",
        HelpName = "PREFIX",
    };

    private readonly Option<Precision> _precision = new("--precision") { Description = "float or double." };
    private readonly Option<WeightPrecision> _weights = CommonOptions.Weights();

    private readonly Option<string> _template = new("--template")
    {
        Description = $"The prompt template: {string.Join(", ", PromptTemplate.Ids)}. A run's own by default.",
        DefaultValueFactory = _ => PromptTemplate.AlpacaVaccine.Id,
        HelpName = "NAME",
    };

    private readonly Option<string?> _system = new("--system")
    {
        Description = "A system text, where the template is a chat template.",
        HelpName = "TEXT",
    };

    private bool _hasTemplate;

    /// <summary>Adds the argument and the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="hasTemplate">Whether the command writes prompts.</param>
    public void AddTo(Command command, bool hasTemplate = true)
    {
        _hasTemplate = hasTemplate;
        command.Add(_model);
        foreach (var option in (Option[])[_stage, _trials, _cache, _adapters, _strip, _precision, _weights])
            command.Add(option);
        foreach (var option in hasTemplate ? (Option[])[_template, _system] : [])
            command.Add(option);
    }

    /// <summary>Whether the user chose a template.</summary>
    public bool HasTemplate(ParseResult parsed) => IsGiven(parsed, _template) || IsGiven(parsed, _system);

    /// <summary>Finds the model or the run that the user named.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="arithmetic">In what is computed; see <see cref="DeviceOptions.Arithmetic"/>.</param>
    /// <param name="cancel">Stops the reading of a run's files.</param>
    /// <exception cref="InputException">There is none, or the options do not fit it.</exception>
    public Subject Read(ParseResult parsed, string arithmetic, CancellationToken cancel)
    {
        string folder = parsed.GetRequiredValue(_model);
        if (FinishedRun.StageIn(folder) is var (of, name))
            throw new InputException(
                "the folder is that of one stage of a run, which begins with the stages before it", folder, "a stage",
                "the folder of a model or of a run", $"name the run and the stage: {of} --stage {name}");
        if (!FinishedRun.Is(folder))
            return ((Option[])[_stage, _trials, _cache]).FirstOrDefault(option => IsGiven(parsed, option)) is { } given
                ? throw new InputException(
                    "only a run has stages, and only a grid has trials", given.Name, folder,
                    $"the folder of a run or a grid, with its {FinishedRun.RecipeFile}",
                    "name that folder, or leave the option out")
                : new ModelSubject(
                    folder, parsed.GetValue(_adapters) ?? [], parsed.GetValue(_strip), parsed.GetValue(_weights),
                    parsed.GetValue(_precision),
                    _hasTemplate
                        ? Template(parsed, (id, system) => PromptTemplate.Get(id, system, Chat))
                        : PromptTemplate.None);

        foreach (var option in (Option[])[_adapters, _strip, _precision, _weights])
            if (IsGiven(parsed, option))
                throw new InputException(
                    "the run's recipe says this already", option.Name, folder, "the folder of a model",
                    "leave the option out");
        var run = FinishedRun.Open(
            folder, arithmetic, parsed.GetValue(_trials) ?? [], parsed.GetRequiredValue(_cache), cancel);
        if (!run.IsGrid && IsGiven(parsed, _cache))
            throw new InputException(
                "a run of one trial has its stages in its own folder", _cache.Name, folder, "the folder of a grid",
                "leave the option out");
        var stage = run.Stage(parsed.GetValue(_stage));
        return new RunSubject(run, stage, _hasTemplate && HasTemplate(parsed) ? Template(parsed, run.Template) : null);

        ChatTemplate Chat(string id) => ChatTemplate.Load(folder, id);
    }

    /// <summary>
    /// The template that the user chose; "model" and "model:NAME" are looked for in a model's folder.
    /// </summary>
    private PromptTemplate Template(ParseResult parsed, Func<string, string?, PromptTemplate> find)
    {
        string name = parsed.GetRequiredValue(_template);
        if (!PromptTemplate.IsChat(name) && IsGiven(parsed, _system))
            throw new InputException(
                "only a chat template has a system text", _system.Name, $"the template {name}",
                string.Join(", ", ChatTemplate.Ids), "choose one with --template");
        if (!PromptTemplate.IsChat(name) && !PromptTemplate.Ids.Contains(name))
            throw RecipeException.Unknown("unknown prompt template", _template.Name, name, [.. PromptTemplate.Ids]);
        return find(name, parsed.GetValue(_system));
    }

    private static bool IsGiven(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };
}
