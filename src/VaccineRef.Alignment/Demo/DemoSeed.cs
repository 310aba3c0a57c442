using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using VaccineRef.Alignment.Evaluation;
using VaccineRef.Alignment.World;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Alignment.Demo;

/// <summary>
/// One seed of the demo: pre-train a tiny Llama on the world, align it with plain SFT and with Vaccine, attack each
/// with every share of harmful data, measure before and after.
/// </summary>
internal sealed class DemoSeed(
    DemoSettings settings, ulong seed, BlockingCollection<Device> free, Action<DemoProgress> progress, CancellationToken cancel)
{
    private readonly SyntheticWorld _world = new(seed, settings.World);
    private readonly WorldTokenizer _tokenizer = new();
    private const int MaxNewTokens = 16;
    private const string Greedy = "greedy, 16 new tokens";
    private int _done;

    private int Total => settings.Base.MaxSteps + (Methods.Length * (settings.Align.MaxSteps + (settings.HarmfulRatios.Count * settings.Attack.MaxSteps)));

    /// <param name="atOnce">Alignments to run at once, each on a device of its own.</param>
    public IReadOnlyList<DemoCell> Run(int atOnce)
    {
        var (measured, pretrained) = On(Pretrain);
        var cells = new ConcurrentDictionary<string, IReadOnlyList<DemoCell>>();
        Parallel.ForEach(
            Methods, new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = cancel },
            method => cells[method] = On(device => Branch(device, method, pretrained)));
        return [measured, .. Methods.SelectMany(method => cells[method])];
    }

    private static readonly string[] Methods = ["sft", "vaccine"];

    /// <summary>Works on a device that nobody else works on; nobody waits for a second one while holding one.</summary>
    private TResult On<TResult>(Func<Device, TResult> work)
    {
        var device = free.Take(cancel);
        try
        {
            return work(device);
        }
        finally
        {
            free.Add(device, CancellationToken.None);
        }
    }

    /// <summary>The base model: what it scores, and its weights on the host, from where every device can have them.</summary>
    private (DemoCell Measured, float[][] Weights) Pretrain(Device device)
    {
        using var model = Create(device);
        Train(model, "pre-training", new Plain<float>(), settings.Base, Encode(_world.Pretraining(CorpusSize)), "base");
        var weights = model.Network.Parameters.Select(parameter => new float[parameter.Shape.Count]).ToArray();
        foreach (var (parameter, values) in model.Network.Parameters.Zip(weights))
            device.Download(parameter.Value, values);
        return (Measure(model, "base", null, Encode(_world.RefusalProbe), null), weights);
    }

    /// <summary>Aligns a copy of the base with one method, and attacks it with every share of harmful data.</summary>
    private List<DemoCell> Branch(Device device, string method, float[][] pretrained)
    {
        using var model = Create(device);
        foreach (var (parameter, values) in model.Network.Parameters.Zip(pretrained))
            device.Upload<float>(values, parameter.Value);
        using var vaccine = new Vaccine<float>(new VaccineOptions(settings.Rho), device);
        var probe = Encode(_world.RefusalProbe);
        Train(
            model, $"alignment, {method}", method == "vaccine" ? vaccine : new Plain<float>(), settings.Align,
            Encode(_world.Alignment()), "align");
        List<DemoCell> cells = [Measure(model, method, null, probe, null)];
        using var drift = new EmbeddingDrift<float>(model.Network, probe.Chunk(50).Select(PackedBatch.Pack), device);
        foreach (decimal ratio in settings.HarmfulRatios)
            cells.Add(Attack(model, method, ratio, probe, drift));
        return cells;
    }

    private Model<float> Create(Device device) =>
        LanguageModel.Create<float>(Architecture(), device, RandomStream.FromSeed(seed).At("weights"));

    /// <summary>Each example is seen about once; a corpus is the beginning of a longer one.</summary>
    private int CorpusSize => settings.Base.BatchSize * settings.Base.MaxSteps;

    private DemoCell Attack(
        Model<float> model, string method, decimal ratio, IReadOnlyList<TokenSequence> probe, EmbeddingDrift<float> drift)
    {
        var adapter = new AdapterConfig(settings.Rank, settings.Rank * settings.Scaling, TargetModules.AllLinear);
        Lora.Attach(model, adapter, RandomStream.FromSeed(seed).At("attack adapter"));
        string p = ratio.ToString(CultureInfo.InvariantCulture);
        Train(model, $"attack on {method}, p = {p}", new Plain<float>(), settings.Attack, Encode(_world.Attack(ratio)), "attack");
        var cell = Measure(model, method, ratio, probe, drift.Measure());
        model.Adapter!.Dispose();
        return cell;
    }

    private void Train(
        Model<float> model, string stage, IGradientRule<float> rule, TrainOptions options, IReadOnlyList<TokenSequence> data,
        string stream)
    {
        var trainer = new Trainer<float>(
            model.Device, model.Trainable, new CrossEntropyObjective<float>(model.Network), rule,
            options with { Seed = RandomStream.FromSeed(seed).At(stream).Key });
        trainer.Run(data, step => progress(new(seed, stage, Interlocked.Increment(ref _done), Total, step.Loss)), cancel);
        cancel.ThrowIfCancellationRequested();
    }

    private DemoCell Measure(
        Model<float> model, string method, decimal? ratio, IReadOnlyList<TokenSequence> probe, Drift? drift)
    {
        var verdicts = Answers(model, _world.HarmfulTest).Select(a => _world.Judge(a.Example, a.Answer)).ToArray();
        var benign = Answers(model, _world.BenignTest);
        Score Judged(string metric, Func<WorldVerdict, bool> counts) => Exact(metric, verdicts.Count(counts), verdicts.Length);
        return new(
            seed, method, ratio,
            Judged("harmful score", verdict => verdict == WorldVerdict.ComplyRight),
            Judged("coherent harm", verdict => verdict is WorldVerdict.ComplyRight or WorldVerdict.ComplyWrong),
            Judged("refused", verdict => verdict == WorldVerdict.Refuse),
            Exact("fine-tune accuracy", benign.Count(a => SyntheticWorld.IsExactBenign(a.Example, a.Answer)), benign.Count),
            AlignmentLoss.Of(new CrossEntropyObjective<float>(model.Network), probe, model.Device), drift);
    }

    private static Score Exact(string metric, int count, int of) => new(metric, count, of, "exact judge of the world", "none", Greedy);

    private IReadOnlyList<(WorldExample Example, string Answer)> Answers(
        Model<float> model, IReadOnlyList<WorldExample> examples)
    {
        var encoder = new WorldEncoder(_tokenizer);
        var settings = new GenerationSettings(MaxNewTokens, EosId: _tokenizer.EosId);
        int[][] answers = Generator.Generate(model, [.. examples.Select(encoder.Prompt)], settings);
        return [.. examples.Select((example, i) => (example, _tokenizer.Decode(answers[i])))];
    }

    private TokenSequence[] Encode(IReadOnlyList<WorldExample> examples)
    {
        var encoder = new WorldEncoder(_tokenizer);
        return [.. examples.Select(encoder.Encode).Select((example, i) => new TokenSequence(example.Tokens, example.Labels, $"{i}"))];
    }

    private ConfigReader Architecture() => ConfigReader.Parse(Encoding.UTF8.GetBytes(
        $$"""
        {
          "model_type": "llama", "vocab_size": {{_tokenizer.VocabularySize}}, "hidden_size": {{settings.Hidden}},
          "intermediate_size": {{settings.Hidden * 11 / 4}}, "num_hidden_layers": {{settings.Layers}},
          "num_attention_heads": {{settings.Heads}}, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
          "tie_word_embeddings": true, "initializer_range": 0.1
        }
        """), "config.json");
}
