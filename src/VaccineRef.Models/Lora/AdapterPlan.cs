using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>A low-rank pair on a table that is not a linear layer: the head, or the embedding.</summary>
/// <param name="Module">The module's name.</param>
/// <param name="Table">What B A is added to, (V, C).</param>
/// <param name="Names">What the file calls A and B.</param>
/// <param name="Layout">How A (r, .) and B (., r) lie to the table.</param>
internal sealed record TablePair<T>(
    string Module, Parameter<T> Table, (string A, string B) Names, WeightLayout Layout)
    where T : unmanaged, IFloatingPointIeee754<T>;

/// <summary>
/// What an adapter does to a model: where its pairs go, and which of the model's own tensors it replaces.
/// </summary>
/// <param name="Layers">The linear layers that carry a pair.</param>
/// <param name="Tables">Pairs on tables.</param>
/// <param name="Saved">Tensors of the file, by name, and what they replace.</param>
/// <param name="Warnings">What the configuration asks for and the adapter does not do.</param>
internal sealed record AdapterPlan<T>(
    IReadOnlyList<LinearLayer<T>> Layers, IReadOnlyList<TablePair<T>> Tables,
    IReadOnlyList<(string Name, Parameter<T> Replaces)> Saved, IReadOnlyList<string> Warnings)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const string Head = "lm_head";

    /// <summary>An adapter that is made.</summary>
    /// <exception cref="InputException">
    /// A target matches no layer, or the rank is beyond every layer's size.
    /// </exception>
    public static AdapterPlan<T> Made(Model<T> model, AdapterConfig config)
    {
        if (config.Bias != "none" || !config.ModulesToSave.IsEmpty)
            throw new InputException(
                "an adapter that is made here trains A and B alone", AdapterConfig.FileName,
                $"bias {config.Bias}, modules_to_save {CheckpointException.Names(config.ModulesToSave)}",
                "none of both");
        var linears = model.Network.Linears;
        var layers = linears.Where(layer => config.Adapts(layer.Name)).ToArray();
        string[] idle = Idle(config, [.. linears.Select(layer => layer.Name)]);
        if (idle.Length > 0 || layers.Length == 0)
            throw NoLayer(idle.Length > 0 ? string.Join(", ", idle) : config.Targets.ToString(), linears);
        foreach (var layer in layers)
        {
            int rank = config.For(layer.Name).Rank, most = Math.Max(layer.Inputs, layer.Outputs);
            if (rank > most)
                throw new InputException(
                    "an adapter's rank is beyond the size of its layer", $"{layer.Name}, rank", $"{rank}",
                    $"at most {most}; above {Math.Min(layer.Inputs, layer.Outputs)} a rank adds nothing",
                    "choose a smaller rank");
        }
        return new(layers, [], [], []);
    }

    /// <summary>An adapter that is read: as PEFT, it does what its tensors say, and says what has none.</summary>
    /// <exception cref="InputException">No target matches a layer.</exception>
    /// <exception cref="CheckpointException">A tensor cannot go where it belongs.</exception>
    public static AdapterPlan<T> Read(Model<T> model, AdapterConfig config, Checkpoint file)
    {
        var linears = model.Network.Linears;
        var targeted = linears.Where(layer => config.Adapts(layer.Name)).ToArray();
        var tables = Pairs(model, config, file).ToArray();
        if (targeted.Length + tables.Length == 0)
            throw NoLayer(config.Targets.ToString(), linears);
        var warnings = new List<string>();
        string[] modules = [.. linears.Select(layer => layer.Name), .. tables.Select(table => table.Module)];
        if (Idle(config, modules) is { Length: > 0 } idle)
            warnings.Add($"target_modules names what the model does not have: {CheckpointException.Names(idle)}");

        // A kind of layer of which the file has no pair at all was left out; one of which it has some is incomplete.
        var kinds = targeted.Where(layer => HasPair(file, layer.Name)).Select(layer => Kind(layer.Name)).ToHashSet();
        string[] without =
            [.. targeted.Select(layer => Kind(layer.Name)).Where(kind => !kinds.Contains(kind)).Distinct()];
        if (without.Length > 0 && kinds.Count + tables.Length > 0)
        {
            warnings.Add($"the adapter has no weights for these targets: {CheckpointException.Names(without)}");
            targeted = [.. targeted.Where(layer => kinds.Contains(Kind(layer.Name)))];
        }

        var saved = SavedTensors(model, config, file).ToArray();
        string[] unsaved = [.. config.ModulesToSave.Where(module =>
            !saved.Any(
                tensor => $".{AdapterNames.Plain(tensor.Name)}".Contains($".{module}.", StringComparison.Ordinal)))];
        if (unsaved.Length > 0)
            warnings.Add($"modules_to_save names what the adapter does not hold: {CheckpointException.Names(unsaved)}");
        return new(targeted, tables, saved, warnings);
    }

    private static string[] Idle(AdapterConfig config, string[] modules) =>
        [.. config.Targets.Names.Where(name => !modules.Any(module => TargetModules.Named(name).Match(module)))];

    private static string Kind(string module) => module[(module.LastIndexOf('.') + 1)..];

    private static bool HasPair(Checkpoint file, string module) =>
        file.Contains($"{AdapterNames.Root}.{module}.lora_A.weight")
        || file.Contains($"{AdapterNames.Root}.{module}.lora_B.weight");

    /// <summary>The pairs on the head and on the embedding.</summary>
    private static IEnumerable<TablePair<T>> Pairs(Model<T> model, AdapterConfig config, Checkpoint file)
    {
        List<(string Module, Parameter<T> Table, string A, string B, WeightLayout)> tables =
            [(Head, model.Network.Head, "lora_A.weight", "lora_B.weight", WeightLayout.OutIn)];
        if (Embedding(model) is { } embedding)
        {
            string module = embedding.Name[..embedding.Name.LastIndexOf('.')];
            tables.Add((module, embedding, "lora_embedding_A", "lora_embedding_B", WeightLayout.InOut));
        }

        foreach (var (name, table, a, b, layout) in tables)
        {
            var names = (A: $"{AdapterNames.Root}.{name}.{a}", B: $"{AdapterNames.Root}.{name}.{b}");
            if (!config.Adapts(name) || !(file.Contains(names.A) || file.Contains(names.B)))
                continue;
            if (IsTied(model))
                throw Tied(file, names.A);
            yield return new(name, table, names, layout);
        }
    }

    /// <summary>
    /// The tensors that replace the model's own: trained biases, modules that are saved whole, and the embedding and
    /// the head, which peft also saves by itself where the vocabulary grew.
    /// </summary>
    private static IEnumerable<(string Name, Parameter<T> Replaces)> SavedTensors(
        Model<T> model, AdapterConfig config, Checkpoint file)
    {
        var own = model.Network.Parameters.ToDictionary(parameter => parameter.Name);
        var (embedding, head) = (Embedding(model), model.Network.Head);
        bool tied = IsTied(model);
        foreach (string name in file.Tensors.Keys.Where(name => !name.Contains(".lora_", StringComparison.Ordinal)))
        {
            string plain = AdapterNames.Plain(name), module = plain[..Math.Max(plain.LastIndexOf('.'), 0)];
            bool isHead = plain == $"{Head}.weight";
            if ((isHead ? head : own.GetValueOrDefault(plain)) is not { } parameter)
                continue;                                              // left over: the source says so
            bool isBias = config.Bias != "none" && plain.EndsWith(".bias", StringComparison.Ordinal);
            if (!isBias && !config.Saves(module) && parameter != embedding && parameter != head)
                continue;
            if (tied && isHead && config.Saves(Head) && !config.Saves(embedding!.Name))
                throw Tied(file, name);
            if (parameter == embedding || parameter == head)
                RequireVocabulary(file, name, parameter);
            yield return (name, parameter);
        }
    }

    private static void RequireVocabulary(Checkpoint file, string name, Parameter<T> table)
    {
        var entry = file.Entry(name);
        if (entry.Shape is [var rows, _] && rows != table.Shape.Rows)
            throw new CheckpointException(
                "the adapter was saved for a vocabulary of another size than the model's", file.Path, name,
                $"{rows} rows",
                $"{table.Shape.Rows}",
                "load the model together with the adapter, so that it is made for that vocabulary");
    }

    private static CheckpointException Tied(Checkpoint file, string name) => new(
        "the adapter changes the head alone, and the model's head is its embedding", file.Path, name,
        "tie_word_embeddings is true", "a model whose head is a tensor of its own",
        "load the model together with the adapter, so that the two are made separate");

    private static InputException NoLayer(string found, IReadOnlyList<LinearLayer<T>> linears) => new(
        "an adapter's target matches no layer", AdapterConfig.FileName + ", key target_modules", found,
        string.Join(", ", linears.Select(layer => Kind(layer.Name)).Distinct()));

    private static bool IsTied(Model<T> model) => model.Network.Head == Embedding(model);

    // The families' names for it; another network may have none.
    private static Parameter<T>? Embedding(Model<T> model) => model.Network.Parameters.FirstOrDefault(parameter =>
        parameter.Name.EndsWith("embed_tokens.weight", StringComparison.Ordinal)
        || parameter.Name.EndsWith("wte.weight", StringComparison.Ordinal));
}
