using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models.Tests;

/// <summary>Continuing texts.</summary>
public sealed class GenerationTests : IDisposable
{
    private readonly CpuDevice _device = new(2);

    public void Dispose() => _device.Dispose();

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 60)]
    public void Generation_with_the_cache_is_the_plain_argmax_loop(TinyModel tiny, bool adapted)
    {
        const int New = 6;
        using var model = tiny.Create<double>(_device);
        if (adapted)
            foreach (var pair in Lora.Attach(model, ModelRun.AllLinear(), tiny.Random).Pairs)
                _device.Run(new FillNormal<double>(tiny.Random.At(pair.B.Name), 0.3), pair.B.Value);
        int[][] prompts = Prompts(tiny);
        int[][] found = Generator.Generate(model, prompts, new(New));
        for (int i = 0; i < prompts.Length; i++)
        {
            List<int> text = [.. prompts[i]];
            for (int step = 0; step < New; step++)
                text.Add(Largest(model.Logits(PackedBatch.Pack([[.. text]]))[^TinyModel.Vocabulary..]));
            Assert.Equal(text[prompts[i].Length..], found[i]);
        }
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 30)]
    public void A_draw_does_not_depend_on_the_neighbours(TinyModel tiny, byte seed)
    {
        using var model = tiny.Create<double>(_device);
        var settings = new GenerationOptions(
            5, Sample: true, Temperature: 1.3, TopK: 9, TopP: 0.9, Seed: seed, EosId: 4);
        int[] prompt = Prompts(tiny)[0];
        int[][] others = [prompt, [3, 1, 4, 1, 5, 9], [2]];
        int[] alone = Generator.Generate(model, [prompt], settings)[0];
        Assert.Equal(alone, Generator.Generate(model, others, settings)[0]);
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 30)]
    public void Groups_of_prompts_give_what_all_prompts_together_give(TinyModel tiny, ushort bytes)
    {
        using var model = tiny.Create<double>(_device);
        var settings = new GenerationOptions(4, Sample: true, Seed: bytes, EosId: 4);
        int[][] prompts = [.. Prompts(tiny), .. Prompts(tiny)];
        int[][] together = Generator.Generate(model, prompts, settings);
        Assert.Equal(together, Generator.Generate(model, prompts, settings with { MemoryBytes = bytes }));
        Assert.Equal(together, Generator.Generate(model, prompts, settings with { MemoryBytes = 16 * bytes }));
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 30)]
    public void A_text_ends_with_its_end_token_and_no_other_holds_it(TinyModel tiny)
    {
        using var model = tiny.Create<double>(_device);
        int[][] prompts = Prompts(tiny), free = Generator.Generate(model, prompts, new(6));
        int eos = free[0][2];
        int[][] ended = Generator.Generate(model, prompts, new(6, EosId: eos));
        for (int i = 0; i < prompts.Length; i++)
        {
            int end = Array.IndexOf(free[i], eos);
            Assert.Equal(end < 0 ? free[i] : free[i][..(end + 1)], ended[i]);
        }
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 20)]
    public void The_likeliest_of_one_and_the_coldest_draw_are_greedy(TinyModel tiny)
    {
        using var model = tiny.Create<double>(_device);
        // with a padding row of zeros all logits after it could be equal
        var table = model.Network.Parameters[0];
        _device.Run(new FillNormal<double>(tiny.Random.At(table.Name), 0.4), table.Value);
        int[][] prompts = Prompts(tiny), greedy = Generator.Generate(model, prompts, new(4));
        Assert.Equal(greedy, Generator.Generate(model, prompts, new(4, Sample: true, TopK: 1)));
        Assert.Equal(greedy, Generator.Generate(model, prompts, new(4, Sample: true, TopP: 1e-9)));
        // At this temperature a runner-up 1e-10 below has no weight left. At 1e-6 two of a tiny model's logits came too
        // close.
        Assert.Equal(greedy, Generator.Generate(model, prompts, new(4, Sample: true, Temperature: 1e-12)));
    }

    [Theory]
    [InlineData(1.0, 0, 1.0)]
    [InlineData(2.0, 0, 1.0)]
    [InlineData(1.0, 3, 1.0)]
    [InlineData(1.0, 0, 0.7)]
    [InlineData(1.5, 5, 0.8)]
    public void Draws_have_the_probabilities_that_the_settings_leave(double temperature, int topK, double topP)
    {
        const int Draws = 20000;
        var tiny = new TinyModel("llama", 5, 1, [4]);
        using var model = tiny.Create<double>(_device);
        int[] prompt = tiny.Sequences[0].Tokens;
        double[] logits = model.Logits(PackedBatch.Pack([prompt]))[^TinyModel.Vocabulary..];
        double[] expected = Truncated([.. logits.Select(z => Math.Exp(z / temperature))], topK, topP);
        int[][] found = Generator.Generate(
            model, [.. Enumerable.Repeat(prompt, Draws)], new(1, Sample: true, temperature, topK, topP, Seed: 11));
        double[] share = [.. expected.Select((_, id) => found.Count(text => text[0] == id) / (double)Draws)];
        for (int id = 0; id < expected.Length; id++)        // five standard errors; what was cut off never comes
            Assert.Equal(expected[id], share[id], 5 * Math.Sqrt(expected[id] / Draws));
    }

    [Fact]
    public void Equal_logits_give_the_lowest_id()
    {
        using var model = new TinyModel("llama", 5, 1, [4]).Create<double>(_device);
        _device.Fill(model.Network.Head.Value, 0);
        Assert.Equal([0, 0], Generator.Generate(model, [[5, 6]], new(2))[0]);
    }

    /// <summary>
    /// Where the likeliest tokens reach P exactly, no further one may be drawn: all logits are equal, and 6 of 17 are
    /// the share P.
    /// </summary>
    [Fact]
    public void Tokens_that_reach_top_p_exactly_are_enough()
    {
        using var model = new TinyModel("llama", 5, 1, [4]).Create<double>(_device);
        _device.Fill(model.Network.Head.Value, 0);
        const int Kept = 4;
        double share = Kept / (double)TinyModel.Vocabulary;
        Assert.Equal(Kept, share * TinyModel.Vocabulary);
        int[][] drawn = Generator.Generate(
            model, [.. Enumerable.Repeat((int[])[5, 6], 400)], new(1, Sample: true, TopP: share, Seed: 3));
        Assert.Equal(Enumerable.Range(0, Kept), drawn.Select(text => text[0]).Distinct().Order());
    }

    [Fact]
    public void The_whole_context_can_be_filled_and_no_more()
    {
        using var model = new TinyModel("gpt2", 5, 1, [4]).Create<double>(_device);
        int[] prompt = [.. Enumerable.Repeat(3, TinyModel.Context - 1)];
        Assert.Equal(2, Generator.Generate(model, [prompt], new(2))[0].Length);
        var error = Assert.Throws<InputException>(() => Generator.Generate(model, [[1], prompt], new(3)));
        Assert.Contains("prompt 1", error.Message);
    }

    [Fact]
    public void No_prompts_give_no_texts_and_an_empty_prompt_is_refused()
    {
        using var model = new TinyModel("opt", 5, 1, [4]).Create<double>(_device);
        Assert.Empty(Generator.Generate(model, [], new(2)));
        Assert.Throws<InputException>(() => Generator.Generate(model, [[]], new(2)));
    }

    [Fact]
    public void A_logit_that_is_no_number_stops_the_run()
    {
        using var model = new TinyModel("opt", 5, 1, [4]).Create<double>(_device);
        _device.Fill(model.Network.Head.Value.SliceRows(2, 1), double.NaN);
        Assert.Throws<NonFiniteException>(() => Generator.Generate(model, [[5]], new(2)));
        Assert.Throws<NonFiniteException>(() => Generator.Generate(model, [[5]], new(2, true)));
    }

    [Fact]
    public void Settings_out_of_range_are_refused()
    {
        using var model = new TinyModel("opt", 5, 1, [4]).Create<double>(_device);
        GenerationOptions[] wrong =
        [
            new(0), new(1, Temperature: 0), new(1, Temperature: double.NaN), new(1, TopK: -1), new(1, TopP: 0),
            new(1, TopP: 1.1),
        ];
        foreach (var settings in wrong)
            Assert.Throws<InputException>(() => Generator.Generate(model, [[5]], settings));
    }

    private static int[][] Prompts(TinyModel tiny) => [.. tiny.Sequences.Select(sequence => sequence.Tokens)];

    private static int Largest(double[] logits) => Array.IndexOf(logits, logits.Max());

    /// <summary>Probabilities after top-k, then top-p, by their definition.</summary>
    private static double[] Truncated(double[] weights, int topK, double topP)
    {
        double[] sorted = [.. weights.OrderDescending().Take(topK > 0 ? topK : weights.Length)];
        double before = 0, least = sorted[0];
        foreach (double weight in sorted)
        {
            if (before / sorted.Sum() >= topP)
                break;
            before += weight;
            least = weight;
        }

        double[] kept = [.. weights.Select(weight => weight >= least ? weight : 0)];
        return [.. kept.Select(weight => weight / kept.Sum())];
    }
}
