using System.Text.Json.Nodes;
using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

public sealed class AdapterConfigTests
{
    // What peft 0.17 writes for a plain LoRA.
    private const string Recent = """
        {
          "alpha_pattern": {}, "auto_mapping": null, "base_model_name_or_path": "meta-llama/Llama-2-7b-hf", "bias":
          "none", "corda_config": null, "eva_config": null, "exclude_modules": null, "fan_in_fan_out": false,
          "inference_mode": true, "init_lora_weights": true, "layer_replication": null, "layers_pattern": null,
          "layers_to_transform": null, "loftq_config": {}, "lora_alpha": 16, "lora_bias": false, "lora_dropout":
          0.1, "megatron_config": null, "megatron_core": "megatron.core", "modules_to_save": null, "peft_type":
          "LORA", "qalora_group_size": 16, "r": 8, "rank_pattern": {}, "revision": null, "target_modules":
          ["q_proj", "v_proj"], "target_parameters": null, "task_type": "CAUSAL_LM", "trainable_token_indices":
          null, "use_dora": false, "use_qalora": false, "use_rslora": false
        }
        """;

    [Fact]
    public void A_recent_file_is_read()
    {
        var config = Read(Recent);
        Assert.Equal((8, 16.0, 0.1), (config.Rank, config.Alpha, config.Dropout));
        Assert.Equal(2, config.Scaling);
        Assert.Equal("meta-llama/Llama-2-7b-hf", config.BaseModel);
        Assert.True(config.InferenceMode);
        Assert.True(config.Adapts("model.layers.3.self_attn.q_proj"));
        Assert.False(config.Adapts("model.layers.3.self_attn.k_proj"));
        Assert.False(config.Adapts("model.layers.3.self_attn.xq_proj"));
    }

    [Theory]
    [InlineData("peft_type", "\"IA3\"")]
    [InlineData("peft_type", null)]
    [InlineData("task_type", "\"SEQ_CLS\"")]
    [InlineData("use_dora", "true")]
    [InlineData("lora_bias", "true")]
    [InlineData("layer_replication", "[[0,4]]")]
    [InlineData("a_setting_of_tomorrow", "1")]
    [InlineData("init_lora_weights", "\"pissa\"")]
    [InlineData("init_lora_weights", "\"olora\"")]
    [InlineData("bias", "\"some\"")]
    [InlineData("rank_pattern", "{\"(\":4}")]
    [InlineData("rank_pattern", "{\"q_proj\":0}")]
    [InlineData("rank_pattern", "[4]")]
    [InlineData("alpha_pattern", "{\"(?=q)q_proj\":4}")]
    [InlineData("exclude_modules", "\"(\"")]
    [InlineData("modules_to_save", "{}")]
    [InlineData("r", "0")]
    [InlineData("r", "8.5")]
    [InlineData("r", null)]
    [InlineData("lora_alpha", null)]
    [InlineData("lora_dropout", "1")]
    [InlineData("target_modules", null)]
    [InlineData("target_modules", "[]")]
    [InlineData("target_modules", "\"(\"")]
    [InlineData("target_modules", "\"(?=q)q_proj\"")]
    public void What_is_not_plain_lora_is_refused_by_name(string key, string? value)
    {
        var error = Assert.Throws<CheckpointException>(() => Read(With(key, value)));
        Assert.Equal(key, error.Key);
    }

    [Theory]
    [InlineData("use_rslora", "true")]
    [InlineData("bias", null)]
    [InlineData("task_type", null)]
    [InlineData("init_lora_weights", "false")]
    [InlineData("init_lora_weights", "\"gaussian\"")]
    [InlineData("init_lora_weights", "\"eva\"")]
    [InlineData("init_lora_weights", "\"orthogonal\"")]
    [InlineData("init_lora_weights", null)]
    [InlineData("eva_config", "{\"rho\": 2.0}")]
    [InlineData("corda_config", "{\"corda_method\": \"ipm\"}")]
    [InlineData("loftq_config", "{\"loftq_bits\": 4}")]
    [InlineData("megatron_config", "{\"a\": 1}")]
    [InlineData("layers_pattern", "\"h\"")]
    [InlineData("exclude_modules", "\"\"")]
    [InlineData("a_setting_of_tomorrow", "{}")]
    [InlineData("peft_version", "\"0.18.0\"")]
    public void What_changes_nothing_is_read(string key, string? value) => Read(With(key, value));

    [Fact]
    public void Rank_stabilised_scaling_divides_by_the_root() =>
        Assert.Equal(16 / Math.Sqrt(8), Read(With("use_rslora", "true")).Scaling);

    [Theory]
    [InlineData("\"all-linear\"", "model.layers.0.mlp.up_proj", true)]
    [InlineData("\"all-linear\"", "lm_head", false)]
    [InlineData("\"ALL-LINEAR\"", "model.layers.0.mlp.up_proj", true)]
    [InlineData("\"All-Linear\"", "lm_head", false)]
    [InlineData("\".*\\\\.(q|v)_proj\"", "model.layers.0.self_attn.v_proj", true)]
    [InlineData("\".*\\\\.(q|v)_proj\"", "model.layers.0.self_attn.v_proj.x", false)]
    [InlineData("\"q|v\"", "qv", false)]
    [InlineData("[\"self_attn.q_proj\"]", "model.layers.0.self_attn.q_proj", true)]
    [InlineData("[\"lm_head\"]", "lm_head", true)]
    public void Target_modules_match_as_in_peft(string targets, string module, bool expected) =>
        Assert.Equal(expected, Read(With("target_modules", targets)).Adapts(module));

    [Theory]
    [InlineData("[0, 2]", "model.layers.0.self_attn.q_proj", true)]
    [InlineData("[0, 2]", "model.layers.1.self_attn.q_proj", false)]
    [InlineData("2", "model.layers.2.self_attn.q_proj", true)]
    [InlineData("2", "q_proj", true)]                   // named by its whole path
    [InlineData("2", "attn.q_proj", false)]
    [InlineData("[]", "q_proj", true)]
    public void Layers_to_transform_selects_by_number(string layers, string module, bool expected) =>
        Assert.Equal(expected, Read(With("layers_to_transform", layers)).Adapts(module));

    [Theory]
    [InlineData("\"layers\"", "model.layers.2.self_attn.q_proj", true)]
    [InlineData("\"layers\"", "model.layers.1.self_attn.q_proj", false)]
    [InlineData("[\"h\", \"blocks?\"]", "model.block.2.self_attn.q_proj", true)]
    [InlineData("\"h\"", "model.layers.2.self_attn.q_proj", false)]
    [InlineData("\"\"", "model.anything.2.self_attn.q_proj", true)]
    public void Layers_pattern_says_which_number_counts(string pattern, string module, bool expected)
    {
        var json = JsonNode.Parse(With("layers_to_transform", "[2]"))!.AsObject();
        json["layers_pattern"] = JsonNode.Parse(pattern);
        Assert.Equal(expected, Read(json.ToJsonString()).Adapts(module));
    }

    [Theory]
    [InlineData("[\"q_proj\"]", "model.layers.0.self_attn.q_proj", false)]
    [InlineData("[\"layers.0.self_attn.q_proj\"]", "model.layers.1.self_attn.q_proj", true)]
    [InlineData("\".*\\\\.0\\\\..*\"", "model.layers.0.self_attn.v_proj", false)]
    [InlineData("\".*\\\\.0\\\\..*\"", "model.layers.1.self_attn.v_proj", true)]
    public void Excluded_modules_carry_none(string excluded, string module, bool expected) =>
        Assert.Equal(expected, Read(With("exclude_modules", excluded)).Adapts(module));

    [Theory]
    [InlineData("q_proj", "model.layers.0.self_attn.q_proj", 4)]
    [InlineData("q_proj", "model.layers.0.self_attn.xq_proj", 8)]
    [InlineData("layers.0.self_attn.q_proj", "model.layers.0.self_attn.q_proj", 4)]
    [InlineData("model\\\\.layers\\\\.1\\\\.self_attn\\\\.(q|v)_proj", "model.layers.1.self_attn.v_proj", 4)]
    [InlineData("model\\\\.layers\\\\.1\\\\.self_attn\\\\.(q|v)_proj", "model.layers.11.self_attn.v_proj", 8)]
    public void Patterns_give_modules_their_own_rank_and_alpha(string key, string module, int rank)
    {
        var config = Read(With("rank_pattern", $$"""{"{{key}}": 4, ".*": 8}""")).For(module);
        Assert.Equal((rank, 16.0 / rank), (config.Rank, config.Scaling));
        config = Read(With("alpha_pattern", $$"""{"{{key}}": 2.5}""")).For(module);
        Assert.Equal(rank == 4 ? 2.5 : 16, config.Alpha);
    }

    [Fact]
    public void An_expression_of_great_size_is_refused_or_read_at_once()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        foreach (string huge in new[] { "(a{1,1000}){1,1000}", "((x*)*)*y", "(a|b|ab){1,100000}" })
        {
            try
            {
                Read(With("target_modules", $"\"{huge}\"")).Adapts("model.layers.0.self_attn." + new string('a', 1000));
            }
            catch (CheckpointException error)
            {
                Assert.Equal("target_modules", error.Key);
            }
        }
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"{clock.Elapsed}");
    }

    [Property]
    public void Written_then_read_is_the_same(
        PositiveInt rank, NormalFloat alpha, bool rsLora, bool fanInFanOut, byte dropout, bool list)
    {
        using var folder = new TempFolder();
        var targets = list ? TargetModules.Named("q_proj", "v_proj") : TargetModules.Matching(".*_proj");
        var config = new AdapterConfig(rank.Get, alpha.Get, targets)
        {
            UseRsLora = rsLora,
            FanInFanOut = fanInFanOut,
            Dropout = dropout / 256.0,
            Layers = list ? [1, 2] : [],
            BaseModel = "a \"model\"",
            InferenceMode = false,
        };
        config.Write(folder.Path);
        var read = AdapterConfig.Read(folder.Path);
        Assert.Equal(config.Layers.AsEnumerable(), read.Layers);
        Assert.Equal(config.Targets.ToString(), read.Targets.ToString());
        Assert.Equal(config, read with { Layers = config.Layers, Targets = config.Targets });
    }

    /// <summary>
    /// Over all settings there are: one that is new is red until it has a value here, and is written and read.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_setting_is_written_and_read_back(bool list)
    {
        AdapterConfig plain = new(1, 1, TargetModules.Named("x")),
            every = new(4, 2.5, TargetModules.Matching(".*_proj"))
            {
                Dropout = 0.25,
                UseRsLora = true,
                FanInFanOut = true,
                InferenceMode = false,
                Layers = list ? [1, 2] : [],                // an expression for modules takes none
                LayersPattern = ["h", "layers"],
                Excluded = list ? TargetModules.Named("k_proj", "o_proj") : TargetModules.Matching("k_.*"),
                RankPattern = ModulePatterns.Of([KeyValuePair.Create("q_proj", 2.0), KeyValuePair.Create("v_.*", 3.0)]),
                AlphaPattern = ModulePatterns.Of([KeyValuePair.Create("q_proj", 1.5)]),
                ModulesToSave = ["lm_head", "norm"],
                Bias = "all",
                BaseModel = "base",
            };
        every = list ? every with { Targets = TargetModules.Named("q_proj", "v_proj") } : every;
        using var folder = new TempFolder();
        every.Write(folder.Path);
        var read = AdapterConfig.Read(folder.Path);
        Assert.All(typeof(AdapterConfig).GetProperties(), property =>
        {
            string set = Text(property.GetValue(every));
            Assert.True(
                set != Text(property.GetValue(plain)) || (property.Name == nameof(AdapterConfig.Layers) && !list),
                property.Name);
            Assert.Equal(set, Text(property.GetValue(read)));
        });
    }

    private static string Text(object? value) => value switch
    {
        ModulePatterns patterns => string.Join(", ", patterns.Entries),
        System.Collections.IEnumerable values and not string => string.Join(", ", values.Cast<object>()),
        _ => $"{value}",
    };

    [Fact]
    public void Only_keys_of_peft_0_5_0_are_written()
    {
        using var folder = new TempFolder();
        new AdapterConfig(8, 16, TargetModules.Named("q_proj")).Write(folder.Path);
        var json = JsonNode.Parse(File.ReadAllText(folder.File(AdapterConfig.FileName)))!.AsObject();
        string[] known =
        [
            "auto_mapping", "base_model_name_or_path", "bias", "fan_in_fan_out", "inference_mode", "init_lora_weights",
            "layers_pattern", "layers_to_transform", "lora_alpha", "lora_dropout", "modules_to_save", "peft_type", "r",
            "revision", "target_modules", "task_type",
        ];
        Assert.Equal(known, json.Select(pair => pair.Key));
        Assert.Equal("16", json["lora_alpha"]!.ToJsonString()); // a whole number, as peft declares it
    }

    [Property(MaxTest = 500)]
    public void A_corrupt_file_is_read_or_refused(int seed)
    {
        var random = new Random(seed);
        var bytes = System.Text.Encoding.UTF8.GetBytes(Recent);
        for (var edits = random.Next(1, 4); edits > 0; edits--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(128);
        try
        {
            Read(System.Text.Encoding.UTF8.GetString(bytes));
        }
        catch (InputException)
        {
            // refused, as it should be
        }
    }

    private static string With(string key, string? value)
    {
        var json = JsonNode.Parse(Recent)!.AsObject();
        json[key] = value is null ? null : JsonNode.Parse(value);
        return json.ToJsonString();
    }

    private static AdapterConfig Read(string json)
    {
        using var folder = new TempFolder();
        folder.Write(AdapterConfig.FileName, json);
        return AdapterConfig.Read(folder.Path);
    }
}
