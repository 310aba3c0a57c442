using System.Text;
using BenchmarkDotNet.Attributes;
using VaccineRef.Alignment;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Bench;

/// <summary>Whole steps of the demo's Llama: 4 layers x 64, 16 sequences of 26 tokens, all weights.</summary>
[MemoryDiagnoser]
public class StepBenchmarks
{
    private readonly Plain<float> _plain = new();
    private CpuDevice _device = null!;
    private Model<float> _model = null!;
    private TrainState<float> _state = null!;
    private Arena _gradients = null!;
    private Vaccine<float> _vaccine = null!;
    private CrossEntropyObjective<float> _objective = null!;
    private PackedBatch _batch = null!;

    [GlobalSetup]
    public void Setup()
    {
        const string Config =
            """
            {
              "model_type": "llama", "vocab_size": 234, "hidden_size": 64, "intermediate_size": 176, "num_hidden_layers": 4,
              "num_attention_heads": 4, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": true
            }
            """;
        _device = new CpuDevice(threads: 1);
        _model = LanguageModel.Create<float>(ConfigReader.Parse(Encoding.UTF8.GetBytes(Config)), _device, RandomStream.FromSeed(1));
        _gradients = new Arena(_device);
        foreach (var parameter in _model.Trainable)
            parameter.Train(_gradients);
        _state = new TrainState<float>(_device, _model.Trainable, seed: 2);
        _vaccine = new Vaccine<float>(new VaccineOptions(1), _device);
        _objective = new CrossEntropyObjective<float>(_model.Network);
        var random = RandomStream.FromSeed(3);
        _batch = PackedBatch.Pack([.. Enumerable.Range(0, 16).Select(row =>
        {
            int[] tokens = [.. Enumerable.Range(0, 26).Select(t => random.Below(234, (26 * row) + t))];
            return new TokenSequence(tokens, tokens, $"{row}");
        })]);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _vaccine.Dispose();
        _state.Dispose();
        _gradients.Dispose();
        _model.Dispose();
        _device.Dispose();
    }

    [Benchmark(Baseline = true)]
    public double Plain() => Step(_plain);

    [Benchmark]
    public double Vaccine() => Step(_vaccine);

    private double Step(IGradientRule<float> rule)
    {
        _state.BeginStep();
        return rule.Accumulate(_objective, _batch, _state).Loss;
    }
}
