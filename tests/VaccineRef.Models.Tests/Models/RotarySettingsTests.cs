using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Testing;

namespace VaccineRef.Models.Tests;

/// <summary>What a configuration says of rotary embeddings, wherever it says it; and the rules by numbers.</summary>
public sealed class RotarySettingsTests : IDisposable
{
    private const double Rounding = 1e-12;

    private readonly CpuDevice _device = new(2);

    public void Dispose() => _device.Dispose();

    /// <summary>
    /// Each setting may stand in any of the places where versions of transformers write it, in several at once, and the
    /// kind under either name: all of these mean the same.
    /// </summary>
    [Property(MaxTest = 300)]
    public void Every_place_and_spelling_means_the_same(byte[] places, byte kind)
    {
        var (name, settings) = (kind % 5) switch
        {
            0 => ("default", ""),
            1 => ("linear", "\"factor\": 2.5,"),
            2 => ("llama3", "\"factor\": 8, \"low_freq_factor\": 1, \"high_freq_factor\": 4.0,"),
            3 => ("yarn", "\"factor\": 4, \"beta_fast\": 16,"),
            _ => ("longrope", "\"short_factor\": [1, 2], \"long_factor\": [3, 4.5], \"factor\": 2,"),
        };
        var values = JsonNode.Parse($$"""{ {{settings}} "rope_theta": 500, "original_max_position_embeddings": 16}""")!.AsObject();
        var json = Plain();
        int at = 0;
        int Next() => at < places.Length ? places[at++] % 7 : 0;
        foreach (var (key, value) in values.Append(new("type", name)))
        {
            int bits = Next() + 1;                                      // one or more of the three places
            bool top = key is "rope_theta" or "original_max_position_embeddings";
            if ((bits & 1) != 0 || (bits == 4 && !top))
                Put(json, "rope_scaling", key == "type" && Next() % 2 == 0 ? "rope_type" : key, value);
            if ((bits & 2) != 0)
                Put(json, "rope_parameters", key == "type" && Next() % 2 == 0 ? "rope_type" : key, value);
            if ((bits & 4) != 0 && top)
                json[key] = value!.DeepClone();
        }

        var one = Plain();
        (one["rope_theta"], one["rope_scaling"]) = (500, values.DeepClone());
        one["rope_scaling"]!["rope_type"] = name;
        var (expected, read) = (Read(one), Read(json));
        Assert.Equal(expected.Frequencies, read.Frequencies);
        Assert.Equal((expected.ScoreScale, expected.Shape), (read.ScoreScale, read.Shape));
        Assert.NotEqual(Read(Plain()).Frequencies, read.Frequencies);
    }

    [Theory]
    [InlineData("""{"rope_theta": 500, "rope_scaling": {"rope_theta": 400}}""", "rope_theta")]
    [InlineData("""{"rope_theta": 500, "rope_parameters": {"rope_theta": 400}}""", "rope_theta")]
    [InlineData("""{"rope_scaling": {"rope_theta": 5}, "rope_parameters": {"rope_theta": 4}}""", "rope_scaling.rope_theta")]
    [InlineData("""{"rope_scaling": {"type": "linear", "rope_type": "llama3", "factor": 2}}""", "rope_scaling.type")]
    [InlineData(
        """{"rope_parameters": {"rope_type": "default"}, "rope_scaling": {"type": "linear", "factor": 2}}""",
        "rope_scaling.type")]
    [InlineData(
        """{"rope_parameters": {"rope_type": "linear", "factor": 4}, "rope_scaling": {"factor": 2}}""",
        "rope_scaling.factor")]
    [InlineData(
        """
        {"original_max_position_embeddings": 8,
         "rope_scaling": {"type": "yarn", "factor": 2, "original_max_position_embeddings": 16}}
        """,
        "original_max_position_embeddings")]
    [InlineData("""{"rope_scaling": {"type": "yarn", "factor": 2, "beta_fast": 1}}""", "rope_scaling.beta_fast")]
    [InlineData("""{"rope_scaling": {"type": "yarn", "factor": 0.5}}""", "rope_scaling.factor")]
    [InlineData("""{"rope_scaling": {"type": "yarn", "factor": 2, "low_freq_factor": 1}}""", "rope_scaling.low_freq_factor")]
    [InlineData(
        """{"rope_scaling": {"type": "dynamic", "factor": 2, "original_max_position_embeddings": 8}}""",
        "rope_scaling.original_max_position_embeddings")]
    [InlineData(
        """{"rope_scaling": {"type": "longrope", "short_factor": [1], "long_factor": [1, 2]}}""",
        "rope_scaling.short_factor")]
    [InlineData(
        """{"rope_scaling": {"type": "longrope", "short_factor": [1, 1], "long_factor": [1, 0]}}""",
        "rope_scaling.long_factor")]
    [InlineData("""{"rope_theta": 0}""", "rope_theta")]
    public void What_disagrees_or_cannot_be_is_named(string settings, string key)
    {
        var json = Plain();
        foreach (var (name, value) in JsonNode.Parse(settings)!.AsObject())
            json[name] = value?.DeepClone();
        Assert.Equal(key, Assert.Throws<CheckpointException>(() => Read(json)).Key);
    }

    /// <summary>Columns turn in pairs, whatever the rule by which they turn.</summary>
    [Theory]
    [InlineData("""{"type": "default"}""")]
    [InlineData("""{"type": "linear", "factor": 2}""")]
    [InlineData("""{"type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 16}""")]
    [InlineData("""{"type": "yarn", "factor": 4, "original_max_position_embeddings": 16}""")]
    [InlineData("""{"type": "dynamic", "factor": 2}""")]
    [InlineData("""{"type": "longrope", "short_factor": [1, 2], "long_factor": [3, 4.5]}""")]
    public void A_head_of_an_odd_size_is_refused(string scaling)
    {
        var json = Plain();
        (json["head_dim"], json["rope_scaling"]) = (5, JsonNode.Parse(scaling));
        Assert.Contains(
            "head_dim", Assert.Throws<CheckpointException>(() => Read(json)).Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// Heads of 8 and a base of 10^4: the pairs turn by 1, 0.1, 0.01 and 0.001. In 4,096 positions, pair i turns
    /// 651.9 / 10^i times: 32 times at i = 1.31, which is rounded down to 1, and once at i = 2.81, rounded up to 3. So
    /// pairs 0 and 1 keep their frequency, pair 3 is divided by 4, and pair 2 is in the middle: 0.01 (1/2 + 1/8).
    /// </summary>
    [Fact]
    public void Yarn_by_hand()
    {
        var yarn = Head8("""{"type": "yarn", "factor": 4, "original_max_position_embeddings": 4096}""");
        Close([1, 0.1, 0.00625, 0.00025], yarn.Frequencies);
        // 1 + 0.1 ln 4
        Close([1.1386294361119891 * 1.1386294361119891 / Math.Sqrt(8)], [yarn.ScoreScale!.Value]);

        // Not rounded, the ramp begins at log10(4096 / 64 pi) = 1.3090256 and ends 1.5051500 = log10(32) later.
        double ramp = (2 - 1.3090301012897534) / 1.5051499783199058,
            low = (3 - 1.3090301012897534) / 1.5051499783199058;
        yarn = Head8("""
            {"type": "yarn", "factor": 4, "original_max_position_embeddings": 4096, "truncate": false,
             "attention_factor": 1}
            """);
        Close([1, 0.1, 0.01 * (1 - (0.75 * ramp)), 0.001 * (1 - (0.75 * Math.Min(low, 1)))], yarn.Frequencies);
        Assert.Null(yarn.ScoreScale);

        // The factor may follow from the two contexts; mscale and mscale_all_dim of 1 and 0.5: (1 + 0.1 ln 4) / (1 +
        // 0.05 ln 4).
        yarn = Head8(
            """{"type": "yarn", "original_max_position_embeddings": 4096, "mscale": 1, "mscale_all_dim": 0.5}""",
            16384);
        Close([1, 0.1, 0.00625, 0.00025], yarn.Frequencies);
        Close([Math.Pow(1.1386294361119891 / 1.0693147180559945, 2) / Math.Sqrt(8)], [yarn.ScoreScale!.Value]);
    }

    [Fact]
    public void Longrope_by_hand()
    {
        var longrope = Head8("""
            {"type": "su", "short_factor": [1, 2, 4, 8], "long_factor": [2, 4, 8, 16],
             "original_max_position_embeddings": 16}
            """, 64);
        Close([1, 0.05, 0.0025, 0.000125], longrope.Frequencies);
        Close([1.5 / Math.Sqrt(8)], [longrope.ScoreScale!.Value]);             // 1 + ln 4 / ln 16, the root taken twice
        Assert.Equal(16, longrope.Shape.Context);                              // beyond it, the long factors would hold
    }

    /// <summary>At twice the context and a factor of 2 the base is multiplied with 3^(8 / 6).</summary>
    [Fact]
    public void Dynamic_by_hand()
    {
        Close([1, 0.1, 0.01, 0.001], Head8("""{"type": "dynamic", "factor": 2}""").Frequencies);
        double third = Math.Cbrt(3);                                           // 3^(-i / 3) beside 10^-i
        Close(
            [1, 0.1 / third, 0.01 / (third * third), 0.001 / 3],
            RotaryRules.Dynamic(8, 10000, 2, context: 64, length: 128));
        Close([1, 0.1, 0.01, 0.001], RotaryRules.Dynamic(8, 10000, 2, context: 64, length: 3));
    }

    /// <summary>Queries and keys multiplied by a are queries alone multiplied by a squared.</summary>
    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 20)]
    public void The_attention_factor_multiplies_queries_and_keys(TinyModel tiny)
    {
        tiny = tiny with { Variant = "llama grouped tied" };
        Model<double> Make(double factor)
        {
            var json = tiny.Json;
            json["rope_scaling"] = JsonNode.Parse(
                $$"""{"type": "yarn", "factor": 2, "attention_factor": {{factor}}}""");
            return LanguageModel.Create<double>(ModelFiles.Config(json), _device, tiny.Random.At("weights"));
        }

        using Model<double> scaled = Make(1.5), plain = Make(1);
        foreach (var queries in plain.Network.Linears
            .Where(layer => layer.Name.EndsWith("q_proj", StringComparison.Ordinal)))
            foreach (ref double weight in queries.Weight.Value.Span)
                weight *= 1.5 * 1.5;
        var batch = PackedBatch.Pack(tiny.Sequences);
        Assert.True(GoldenCase.Distance(plain.Logits(batch), scaled.Logits(batch)) < Rounding);
    }

    private static void Put(JsonObject json, string section, string key, JsonNode? value)
    {
        json[section] ??= new JsonObject();
        json[section]![key] = value!.DeepClone();
    }

    private static JsonObject Plain()
    {
        var json = new TinyModel("llama", 1, 1, [3]).Json;
        json["head_dim"] = 4;
        return json;
    }

    private static LlamaConfig Head8(string scaling, int context = 4096)
    {
        var json = new TinyModel("llama", 1, 1, [3]).Json;
        (json["head_dim"], json["max_position_embeddings"]) = (8, context);
        json["rope_scaling"] = JsonNode.Parse(scaling);
        return Read(json);
    }

    private static LlamaConfig Read(JsonObject json) => LlamaConfig.Read(ModelFiles.Config(json), "llama");

    private static void Close(double[] expected, double[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        foreach (var (e, f) in expected.Zip(found))
            Assert.InRange(f, e * (1 - Rounding), e * (1 + Rounding));
    }
}
