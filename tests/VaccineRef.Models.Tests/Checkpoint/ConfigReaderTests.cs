using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

public sealed class ConfigReaderTests
{
    private const string Json = """
        {
          "hidden_size": 64, "rms_norm_eps": 1e-05, "hidden_act": "silu", "use_cache": true, "nothing": null,
          "eos_token_id": [2, 3], "pad_token_id": 0, "architectures": ["LlamaForCausalLM"], "big": 3000000000,
          "rope_scaling": {"type": "linear", "factor": 2.0}, "half": "\ud800"
        }
        """;

    [Fact]
    public void Settings_are_read_by_their_type()
    {
        using var folder = new TempFolder();
        var config = Read(folder, Json);
        Assert.Equal(64, config.Int("hidden_size"));
        Assert.Equal(64, config.Double("hidden_size"));
        Assert.Equal(1e-5, config.Double("rms_norm_eps"));
        Assert.Equal("silu", config.String("hidden_act"));
        Assert.True(config.Bool("use_cache"));
        Assert.Equal([2, 3], config.Ints("eos_token_id"));
        Assert.Equal([0], config.Ints("pad_token_id"));
        Assert.Equal(["LlamaForCausalLM"], config.Strings("architectures"));
        Assert.Equal(2, config.Section("rope_scaling")!.Double("factor"));
    }

    [Fact]
    public void A_name_within_a_section_that_is_no_text_is_refused()
    {
        using var folder = new TempFolder();
        Assert.Throws<CheckpointException>(() => Read(folder, """{"rope_scaling": {"\ud800actor": 2.0}}"""));
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("absent")]
    public void Null_and_absent_take_the_default(string key)
    {
        using var folder = new TempFolder();
        var config = Read(folder, Json);
        Assert.False(config.Has(key));
        Assert.Equal(7, config.Int(key, 7));
        Assert.Equal(0.5, config.Double(key, 0.5));
        Assert.Equal("x", config.String(key, "x"));
        Assert.True(config.Bool(key, true));
        Assert.Empty(config.Ints(key));
        Assert.Null(config.Section(key));
        config.RequireAbsentOrEqual(key, true);
        config.RequireEmpty(key);
        var error = Assert.Throws<CheckpointException>(() => config.Int(key));
        Assert.Equal(key, error.Key);
    }

    [Fact]
    public void A_wrong_type_names_the_key_and_what_stands_there()
    {
        using var folder = new TempFolder();
        var config = Read(folder, Json);
        Action[] wrong =
        [
            () => config.Int("rms_norm_eps"), () => config.Int("big"), () => config.Int("hidden_act", 1),
            () => config.Bool("hidden_size"), () => config.String("use_cache"), () => config.Double("hidden_act"),
            () => config.Section("hidden_size"), () => config.Ints("architectures"), () => config.String("half"),
            () => config.Strings("eos_token_id"),
        ];
        Assert.All(wrong, read => Assert.Contains("type", Assert.Throws<CheckpointException>(read).What));
        var error = Assert.Throws<CheckpointException>(() => config.Section("rope_scaling")!.Int("type"));
        Assert.Equal("rope_scaling.type", error.Key);
        Assert.Contains("linear", error.Message);
    }

    [Fact]
    public void An_unsupported_setting_is_refused_by_name()
    {
        using var folder = new TempFolder();
        var config = Read(folder, Json);
        config.RequireAbsentOrEqual("use_cache", true);
        config.RequireAbsentOrEqual("hidden_act", "silu");
        config.RequireAbsentOrEqual("hidden_size", 64.0);
        var error = Assert.Throws<CheckpointException>(() => config.RequireAbsentOrEqual("use_cache", false));
        Assert.Equal("use_cache", error.Key);
        Assert.Throws<CheckpointException>(() => config.RequireAbsentOrEqual("hidden_act", "gelu"));
        Assert.Throws<CheckpointException>(() => config.RequireAbsentOrEqual("hidden_size", 65.0));
        Assert.Throws<CheckpointException>(() => config.RequireEmpty("rope_scaling"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"a\":1,\"a\":1}")]
    [InlineData("{\"a\":NaN}")]
    [InlineData("{\"\\ud800\":1}")]
    [InlineData("{} {}")]
    public void What_is_no_configuration_is_refused(string json)
    {
        using var folder = new TempFolder();
        Assert.Throws<CheckpointException>(() => Read(folder, json));
    }

    [Fact]
    public void A_missing_file_is_refused()
    {
        using var folder = new TempFolder();
        var error = Assert.Throws<CheckpointException>(() => ConfigReader.Open(folder.Path));
        Assert.Contains("config.json", error.File);
    }

    [Property(MaxTest = 500)]
    public void A_corrupt_file_is_read_or_refused(int seed)
    {
        using var folder = new TempFolder();
        var random = new Random(seed);
        var bytes = System.Text.Encoding.UTF8.GetBytes(Json);
        for (var edits = random.Next(1, 4); edits > 0; edits--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        folder.Write("config.json", bytes);
        try
        {
            var config = ConfigReader.Open(folder.Path);
            foreach (var key in config.Keys)
                config.RequireEmpty(key);
        }
        catch (InputException)
        {
            // refused, as it should be
        }
    }

    [Fact]
    public void The_file_is_carried_along_byte_for_byte()
    {
        using var folder = new TempFolder();
        Read(folder, Json).CopyTo(folder.File("saved"));
        Assert.Equal(Json, File.ReadAllText(Path.Combine(folder.File("saved"), "config.json")));
    }

    private static ConfigReader Read(TempFolder folder, string json)
    {
        folder.Write("config.json", json);
        return ConfigReader.Open(folder.Path);
    }
}
