using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Training;

/// <summary>A device that only counts finds exactly the memory that the processor takes.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)])]
public sealed class DryStepLaws
{
    [Property(MaxTest = 40)]
    public void A_step_needs_what_the_dry_step_said(TinyModel tiny, bool vaccine, bool recompute)
    {
        var (weights, activations, moments, _) = Step(tiny, new CpuDevice(threads: 1), vaccine, recompute);
        var dry = Step(tiny, new DryDevice(), vaccine, recompute);
        Assert.Equal((weights, activations, moments), (dry.Weights, dry.Activations, dry.Moments));
    }

    /// <summary>
    /// The peak holds weights, gradients, moments and activations at once, and nothing is left when all is given back.
    /// </summary>
    [Property(MaxTest = 40)]
    public void The_peak_is_the_sum_of_what_is_held(TinyModel tiny, bool vaccine, bool recompute)
    {
        var device = new DryDevice();
        var (weights, activations, moments, gradients) = Step(tiny, device, vaccine, recompute);
        Assert.InRange(device.Peak, weights + moments + gradients + activations, long.MaxValue);
        Assert.InRange(device.Bytes, 0, Scratch(tiny));
    }

    [Fact]
    public void A_model_that_no_machine_holds_is_counted()
    {
        // 80 blocks of Llama 2 70B's extents, in double: about half a terabyte
        using var device = new DryDevice();
        var config = ConfigReader.Parse("""
            { "model_type": "llama", "hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
              "vocab_size": 32000, "intermediate_size": 28672, "tie_word_embeddings": false }
            """u8.ToArray());
        using var model = LanguageModel.Create<double>(config, device, RandomStream.FromSeed(1));
        long parameters = model.Network.Parameters.Sum(parameter => parameter.Shape.Count);
        Assert.Equal(68_976_648_192, parameters);
        Assert.InRange(device.Bytes, sizeof(double) * parameters, sizeof(double) * parameters * 1.001);
    }

    /// <summary>
    /// Activations grow with the tokens of a batch and with nothing else: as much for each further sequence, and as
    /// much for one long sequence as for four that are a quarter as long. So nothing of size T x T is held. Counts of
    /// rows are multiples of 16, so that no view is rounded up to its alignment.
    /// </summary>
    [Property(MaxTest = 40)]
    public void Activations_are_linear_in_tokens(TinyModel tiny, bool vaccine, bool recompute, PositiveInt length)
    {
        int tokens = 32 * (1 + (length.Get % (tiny.Family == Family.Llama ? 128 : 1)));
        long Peak(int sequences, int each) =>
            Step(tiny, new DryDevice(), vaccine, recompute, Half(tiny, sequences, each)).Activations;
        long[] peaks = [.. Enumerable.Range(1, 4).Select(sequences => Peak(sequences, tokens))];
        long more = peaks[1] - peaks[0];
        Assert.True(more > 0);
        Assert.Equal([peaks[0], peaks[0] + more, peaks[0] + (2 * more), peaks[0] + (3 * more)], peaks);
        Assert.Equal(peaks[3], Peak(1, 4 * tokens));
    }

    /// <summary>Sequences of which the second half counts.</summary>
    private static IReadOnlyList<TokenSequence> Half(TinyModel tiny, int sequences, int length)
    {
        int[] tokens = [.. Enumerable.Range(0, length).Select(t => 2 + tiny.Random.Below(tiny.Vocabulary - 2, t))];
        int[] labels = [.. tokens.Select((token, t) => t < length / 2 ? PackedBatch.Ignored : token)];
        return [.. Enumerable.Range(0, sequences).Select(_ => new TokenSequence(tokens, labels))];
    }

    private static (long Weights, long Activations, long Moments, long Gradients) Step(
        TinyModel tiny, Device device, bool vaccine, bool recompute, IReadOnlyList<TokenSequence>? sequences = null)
    {
        using (device)
        {
            using var model = LanguageModel.Create<float>(tiny.Config, device, RandomStream.FromSeed(1));
            if (tiny.Adapted)
                Lora.Attach(model, tiny.Adapter, RandomStream.FromSeed(2));
            using var rule = new Vaccine<float>(new VaccineOptions(0.5), device);
            var options = new StepOptions(new AdamWOptions(1e-3), Recompute: recompute);
            using var step = new TrainStep<float>(
                model.Trainable, new CrossEntropyObjective<float>(model.Network), vaccine ? rule : new Plain<float>(),
                options, device);
            var batch = PackedBatch.Pack(sequences ?? tiny.Sequences);
            step.Run(batch);
            step.Run(batch);
            long trained = model.Trainable.Sum(parameter => parameter.Shape.Count * sizeof(float));
            return (model.Bytes, step.State.Tape.Activations.Peak, 2 * trained, trained);
        }
    }

    /// <summary>
    /// What kernels keep from one call to the next: a row of logits, and hidden rows, for every row at most.
    /// </summary>
    private static long Scratch(TinyModel tiny) =>
        tiny.Lengths.All.Sum() * (long)((2 * tiny.Hidden) + tiny.Vocabulary + 8) * sizeof(double);
}
