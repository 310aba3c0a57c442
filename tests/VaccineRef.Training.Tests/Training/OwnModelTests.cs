using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Training;

/// <summary>
/// A network that is defined in this file alone is trained by Vaccine, generates, carries LoRA, and is merged, like
/// those of the program: a table of tokens, one hidden layer, and a head.
/// </summary>
public sealed class OwnModelTests : IDisposable
{
    private const int Vocabulary = 7, Hidden = 5;

    private readonly CpuDevice _device = new(1);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void It_is_trained_and_then_generates_what_it_was_trained_on()
    {
        using var model = Make();
        var batch = PackedBatch.Pack([new TokenSequence([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6])]);
        using var rule = new Vaccine<double>(new VaccineOptions(0.1), _device);
        using (var step = new TrainStep<double>(
            model.Trainable, new CrossEntropyObjective<double>(model.Network), rule,
            new StepOptions(new AdamWOptions(0.05)), _device))
        {
            for (int i = 0; i < 150; i++)
                step.Run(batch);
        }

        int[][] said = Generator.Generate(model, [[1], [3]], new GenerationOptions(3));
        Assert.Equal([2, 3, 4], said[0]);
        Assert.Equal([4, 5, 6], said[1]);
    }

    [Fact]
    public void It_carries_an_adapter_that_is_trained_saved_loaded_and_merged()
    {
        using var model = Make();
        var batch = PackedBatch.Pack([new TokenSequence([1, 2, 3, 4], [1, 2, 3, 4])]);
        double before = Loss(model, batch);
        Lora.Attach(model, new AdapterConfig(2, 4, TargetModules.AllLinear), RandomStream.FromSeed(1));
        Assert.Equal(before, Loss(model, batch));
        using (var step = new TrainStep<double>(
            model.Trainable, new CrossEntropyObjective<double>(model.Network), new Plain<double>(),
            new StepOptions(new AdamWOptions(0.1)), _device))
        {
            for (int i = 0; i < 5; i++)
                step.Run(batch);
        }

        double adapted = Loss(model, batch);
        Assert.True(adapted < before);
        string folder = Path.Combine(Path.GetTempPath(), $"vaccineref-{Guid.NewGuid():N}");
        try
        {
            model.Adapter!.Save(folder, exact: true);
            using var other = Make();
            Lora.Load(other, folder);
            Assert.Equal(adapted, Loss(other, batch));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        model.MergeAdapter();
        Assert.Null(model.Adapter);
        Assert.Equal(adapted, Loss(model, batch), 1e-12 * (1 + adapted));       // a product formed once in the weight
    }

    private double Loss(Model<double> model, PackedBatch batch)
    {
        using var tape = new Tape<double>(_device);
        return new CrossEntropyObjective<double>(model.Network).Loss(
            new Pass<double>(tape, new NoTap<double>()), batch).Value.Span[0];
    }

    private Model<double> Make()
    {
        var store = new WeightStore<double>(_device, new RandomSource<double>(_device, RandomStream.FromSeed(3)));
        return new(new Perceptron(new Weights<double>(store)), store, _device);
    }

    private sealed class Perceptron : ILanguageModel<double>
    {
        private static readonly Embedding<double> Gather = new();

        private readonly EmbeddingLayer<double> _tokens;
        private readonly LinearLayer<double> _hidden;
        private readonly Gelu<double> _gelu = new(GeluForm.Erf);

        public Perceptron(Weights<double> weights)
        {
            _tokens = new(weights.At("tokens"), Vocabulary, Hidden, 1);
            _hidden = new(weights.At("hidden"), Hidden, Hidden, bias: true, 0.5);
            Head = weights.Get("head.weight", [Vocabulary, Hidden], Initializer.Normal(0.5));
            Parameters = weights.Store.Parameters;
        }

        public ModelShape Shape { get; } = new(
            "perceptron", Vocabulary, Hidden, Layers: 1, Heads: 1, KeyValueHeads: 1, HeadSize: 1, Context: 99);

        public IReadOnlyList<Parameter<double>> Parameters { get; }

        public IReadOnlyList<LinearLayer<double>> Linears => [_hidden];

        public IReadOnlyList<Site> Sites => [new(0, SiteKind.AttentionOutput)];

        public Parameter<double> Head { get; }

        public Tensor<double> Forward(
            Pass<double> pass, PackedBatch batch, KeyValueCache<double>? cache = null, int[]? outputRows = null)
        {
            var x = _hidden.Forward(pass, _tokens.Forward(pass, batch.Tokens));
            var y = pass.Tape.Apply(_gelu, [pass.Show(new(0, SiteKind.AttentionOutput), x)]);
            return outputRows is null ? y : pass.Tape.Apply(Gather, [y], outputRows);
        }
    }
}
