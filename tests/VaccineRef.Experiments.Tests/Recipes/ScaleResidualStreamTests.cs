using VaccineRef.Core;
using VaccineRef.Experiments.Edits;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;
using VaccineRef.Testing;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Tests.Recipes;

public sealed class ScaleResidualStreamTests
{
    // RMSNorm's epsilon is 1e-5; a stream of deviation 0.1, halved, has mean squares of 0.0025: what is normed changes
    // by at most 1e-5 / (2 * 0.0025) = 2e-3, and two norms stand before the second block's e
    private const double Epsilon = 5e-3;

    [Theory]
    [InlineData(1.5)]
    [InlineData(0.5)]
    public void A_longer_stream_computes_the_same_and_has_longer_embeddings(double factor)
    {
        using var device = new CpuDevice(threads: 1);
        using var model = new WorldModelOptions { Hidden = 8, Layers = 2, Heads = 2 }.Load<float>(
            ".", device, RandomStream.FromSeed(1));
        TokenSequence[] texts = [.. Enumerable.Range(0, 4)
            .Select(i => new TokenSequence([1 + i, 9, 30 + i, 7], [-100, 9, 30 + i, 7], $"{i}"))];
        (double Loss, double Length) Measure()
        {
            using var drift = new EmbeddingDrift<float>(model.Network, [PackedBatch.Pack(texts)], device);
            return (TeacherForcing.Loss(TeacherForcing.Read(model.Network, texts, device)),
                drift.Measure().ReferencePerToken);
        }

        var (loss, length) = Measure();
        using var context = new EditContext<float>(model);
        new ScaleResidualStreamOptions { Name = "lengthen", Factor = factor }.Apply(context);
        var (after, longer) = Measure();
        Assert.Equal(loss, after, Epsilon * loss);
        Assert.Equal(factor * length, longer, Epsilon * longer);
        Assert.True(Math.Abs(longer - length) > 0.3 * length);
    }

    [Fact]
    public void A_model_with_a_head_of_its_own_is_refused()
    {
        using var device = new CpuDevice(threads: 1);
        var config = ConfigReader.Parse(System.Text.Encoding.UTF8.GetBytes(
            TinyExperiment.Config.Replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false", StringComparison.Ordinal)), "config.json");
        using var model = LanguageModel.Create<float>(config, device, RandomStream.FromSeed(1));
        using var context = new EditContext<float>(model);
        Assert.Throws<InputException>(
            () => new ScaleResidualStreamOptions { Name = "lengthen", Factor = 2 }.Apply(context));
    }
}
