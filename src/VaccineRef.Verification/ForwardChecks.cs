using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Verification;

/// <summary>Logits, attention outputs, hidden states, token losses, losses, greedy ids, masks.</summary>
internal sealed class ForwardChecks<T>(VerifyContext<T> context) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly string _name = context.Golden.Name;
    private readonly Bounds _bounds = context.Bounds;

    public IEnumerable<Comparison> Run()
    {
        using var model = context.Load();
        using var tape = new Tape<T>(context.Device);
        if (context.Golden.Tensors("forward") is { } file)
        {
            var batch = context.Golden.Batch("b0");
            foreach (var comparison in Batch(model, tape, file, batch))
                yield return comparison;
            tape.Clear();
            foreach (var comparison in Masks(model, tape, file, batch))
                yield return comparison;
        }

        yield return Losses(model);
        if (context.Manifest.Find("greedy") is { } greedy)
            yield return Greedy(model, greedy);
        if (context.Manifest.Find("lora") is { } lora)
            yield return Adapter(lora);
    }

    private IEnumerable<Comparison> Batch(Model<T> model, Tape<T> tape, SafetensorsFile file, PaddedBatch padded)
    {
        var packed = padded.Pack();
        var record = new Record<T>(SiteKind.AttentionOutput, SiteKind.BlockOutput, SiteKind.TokenEmbedding);
        var hidden = model.Network.Forward(new Pass<T>(tape, record), packed);
        Worst logits = new(), attention = new(), states = new(), losses = new();
        Rows(logits, file, "logits", Logits(model, tape, hidden), padded);
        int layers = model.Network.Shape.Layers;
        for (int i = 0; i < record.Sites.Count; i++)
        {
            var (layer, kind) = record.Sites[i];
            if (kind == SiteKind.AttentionOutput)
                Rows(attention, file, $"attn_out.{layer}", record.Hidden[i], padded);
            else if (kind == SiteKind.TokenEmbedding)
                Rows(states, file, "hidden.0", record.Hidden[i], padded);
            else if (layer + 1 < layers)
                Rows(states, file, $"hidden.{layer + 1}", record.Hidden[i], padded);
        }

        // the last one stands after the final norm
        Rows(states, file, $"hidden.{layers}", hidden, padded);
        var nll = tape.Apply(
            new CrossEntropy<T>(Reduction.None), [hidden, tape.Of(model.Network.Head)], packed.Targets);
        losses.Relative(TokenLosses(nll, padded), Values.Read(file, "token_nll"), "token_nll");
        yield return logits.Compare(_name, "logits", _bounds.Relative);
        yield return attention.Compare(_name, "attention outputs", _bounds.Relative);
        yield return states.Compare(_name, "hidden states", _bounds.Relative);
        yield return losses.Compare(_name, "token losses", _bounds.Relative);
    }

    private IEnumerable<Comparison> Masks(Model<T> model, Tape<T> tape, SafetensorsFile file, PaddedBatch padded)
    {
        if (file.Tensors.ContainsKey("logits_no_mask"))
        {
            var all = padded.WithMask([.. Enumerable.Repeat(1L, padded.Rows * padded.Length)]);
            yield return Masked(model, tape, file, "logits_no_mask", "logits without a mask", all);
        }

        if (file.Tensors.ContainsKey("leftpad.logits"))
        {
            var left = new PaddedBatch(
                file.ReadIntegers("leftpad.input_ids"), null, file.ReadIntegers("leftpad.attention_mask"),
                padded.Length);
            yield return Masked(model, tape, file, "leftpad.logits", "left-padded logits", left);
        }

        if (file.Tensors.ContainsKey("hole.logits"))
        {
            var hole = padded.WithMask(file.ReadIntegers("hole.attention_mask"));
            yield return Masked(model, tape, file, "hole.logits", "logits under a mask with holes", hole);
        }
    }

    private Comparison Masked(
        Model<T> model, Tape<T> tape, SafetensorsFile file, string tensor, string quantity, PaddedBatch batch)
    {
        var worst = new Worst();
        var hidden = model.Network.Forward(new Pass<T>(tape, new NoTap<T>()), batch.Pack());
        Rows(worst, file, tensor, Logits(model, tape, hidden), batch);
        tape.Clear();
        return worst.Compare(_name, quantity, _bounds.Relative);
    }

    private Comparison Losses(Model<T> model)
    {
        var worst = new Worst();
        var objective = new CrossEntropyObjective<T>(model.Network);
        var forward = context.Manifest["forward"];
        void Check(string batch, double expected) => worst.Relative(
            AlignmentLoss.Of(objective, context.Golden.Batch(batch).Sequences(), context.Device), expected,
            $"{batch} loss");
        Check("b0", forward["loss"].Number());
        if (forward.Find("eval_losses") is { } losses)
        {
            string[] batches = [.. context.Golden.Batches("e")];
            if (batches.Length != losses.Items().Count)
                worst.Fail($"{losses.Path}: {losses.Items().Count} losses for {batches.Length} evaluation batches");
            foreach (var (batch, expected) in batches.Zip(losses.Items()))
                Check(batch, expected.Number());
        }

        return worst.Compare(_name, "losses", _bounds.Relative);
    }

    private Comparison Adapter(ManifestNode lora)
    {
        var config = AdapterConfig.Read(context.Golden.Folder);
        var worst = new Worst();
        worst.Relative(config.Rank, lora["r"].Number(), "r");
        worst.Relative(config.Alpha, lora["alpha"].Number(), "alpha");
        worst.Relative(config.Scaling, lora["scaling"].Number(), "scaling");
        return worst.Compare(_name, "adapter settings", 0);
    }

    private Comparison Greedy(Model<T> model, ManifestNode greedy)
    {
        int wrong = 0, total = 0;
        foreach (var entry in greedy.Items())
        {
            int[] ids = [.. entry["ids"].Items().Select(id => id.Whole())];
            int prompt = entry["prompt_len"].Whole();
            if (prompt < 1 || prompt >= ids.Length)
                throw entry["prompt_len"].Wrong(
                    $"{prompt} of {ids.Length} ids", "at least 1, and fewer than there are ids");
            var settings = new GenerationOptions(MaxNewTokens: ids.Length - prompt);
            int[] found = Generator.Generate(model, [ids[..prompt]], settings)[0];
            wrong += ids[prompt..].Zip(found)
                .Count(pair => pair.First != pair.Second) + (ids.Length - prompt - found.Length);
            total += ids.Length - prompt;
        }

        return new(_name, "greedy ids", wrong, 0, "ids", $"{total - wrong} of {total} equal");
    }

    /// <summary>Compares our packed rows with the real rows of a padded golden tensor.</summary>
    private void Rows(Worst worst, SafetensorsFile file, string name, Tensor<T> found, PaddedBatch batch)
    {
        if (batch.Pick(Values.Read(file, name), found.Shape.Columns, out var expected) is { } wrong)
            worst.Add(wrong, name);
        else
            worst.Relative(new(context.Values(found.Value), [found.Shape.Rows, found.Shape.Columns]), expected, name);
    }

    private static Tensor<T> Logits(Model<T> model, Tape<T> tape, Tensor<T> hidden) =>
        tape.Apply(new Linear<T>(), [hidden, tape.Of(model.Network.Head)]);

    /// <summary>Token losses as PyTorch lays them out, (rows, length - 1), zero where nothing is counted.</summary>
    private Values TokenLosses(Tensor<T> nll, PaddedBatch padded)
    {
        var packed = context.Values(nll.Value);
        var losses = new double[padded.Rows * (padded.Length - 1)];
        for (int i = 0; i < padded.Real.Length; i++)
        {
            var (row, column) = Math.DivRem(padded.Real[i], padded.Length);
            if (column < padded.Length - 1)
                losses[(row * (padded.Length - 1)) + column] = packed[i];
        }

        return new(losses, [padded.Rows, padded.Length - 1]);
    }
}
