using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

public sealed class CheckpointTests
{
    private const string Index = "model.safetensors.index.json";

    [Property]
    public void Shards_hold_what_one_file_holds(int seed)
    {
        using var folder = new TempFolder();
        var random = new Random(seed);
        float[][] values = [.. Enumerable.Range(0, random.Next(1, 8)).Select(_ => new float[random.Next(20)])];
        foreach (var array in values)
            array.AsSpan().Fill(random.NextSingle());
        TensorData[] tensors = [.. values.Select((array, i) => Tensor($"t.{i}", array))];
        var limit = random.Next(1, 200);
        SafetensorsWriter.WriteSharded(folder.Path, tensors, limit);
        using var checkpoint = Checkpoint.Open(folder.Path);
        Assert.Equal(tensors.Select(t => t.Name), checkpoint.Tensors.Keys.Order(StringComparer.Ordinal));
        foreach (var (i, expected) in values.Index())
        {
            var read = new float[expected.Length];
            checkpoint.Read<float>($"t.{i}", read);
            Assert.Equal(expected, read);
        }

        var total = tensors.Sum(t => t.Length);
        Assert.Equal(total > limit && tensors.Length > 1 && folder.Names().Length > 1, File.Exists(folder.File(Index)));
        SafetensorsWriter.WriteSharded(folder.Path, tensors, limit); // the same cut may be written again
    }

    [Fact]
    public void No_shard_exceeds_the_limit_unless_one_tensor_does()
    {
        using var folder = Sharded(out _);
        Assert.Equal(
            [.. Enumerable.Range(1, 3).Select(i => $"model-0000{i}-of-00003.safetensors"), Index], folder.Names());
        Assert.Equal(8, Open(folder, 1).Count);   // c: larger than the limit, alone
        Assert.Equal(["a", "b"], Open(folder, 0).Names);
        var index = ConfigReader.OpenFile(folder.File(Index));
        Assert.Equal(56, index.Section("metadata")!.Int("total_size"));
        Assert.Equal("model-00003-of-00003.safetensors", index.Section("weight_map")!.String("d"));
    }

    [Fact]
    public void A_folder_with_another_cut_is_not_written_into()
    {
        using var folder = Sharded(out var tensors);
        void Uncut() => SafetensorsWriter.WriteSharded(folder.Path, tensors, 1000);
        var error = Assert.Throws<CheckpointException>(Uncut);
        Assert.Contains("model-00001-of-00003.safetensors", error.Message);
        SafetensorsWriter.Write(folder.File("model.safetensors"), tensors);
        error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        Assert.Contains("two checkpoints", error.What);
        using var named = Checkpoint.Open(folder.File(Index));
        Assert.Equal(4, named.Tensors.Count);
    }

    [Fact]
    public void A_missing_shard_is_named()
    {
        using var folder = Sharded(out _);
        File.Delete(folder.File("model-00002-of-00003.safetensors"));
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        Assert.Contains("model-00002-of-00003.safetensors", error.Message);
        Assert.Contains("2 of 3", error.Message);
    }

    [Fact]
    public void Both_sides_of_a_disagreement_are_listed()
    {
        using var folder = Sharded(out _);
        string Complaint(string listed)
        {
            folder.Write(Index, listed);
            return Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path)).Message;
        }

        var index = File.ReadAllText(folder.File(Index));
        var b = $"\"b\": \"{folder.Names()[0]}\",";
        var ghost = b.Replace("b\"", "ghost\"");
        Assert.Contains("not there: none; there but not listed: b", Complaint(index.Replace(b, "")));
        Assert.Contains("not there: ghost; there but not listed: none", Complaint(index.Replace(b, b + ghost)));
        Assert.Contains("not there: ghost; there but not listed: b", Complaint(index.Replace(b, ghost)));
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"../model.safetensors"}}""")]
    [InlineData("""{"weight_map":{"a":"..\\model.safetensors"}}""")]
    [InlineData("""{"weight_map":{"a":"pytorch_model.bin"}}""")]
    [InlineData("""{"weight_map":{"a":1}}""")]
    [InlineData("""{"weight_map":{"a":"x.safetensors","a":"x.safetensors"}}""")]
    [InlineData("""{"weight_map":[]}""")]
    [InlineData("""{}""")]
    [InlineData("""[]""")]
    [InlineData("")]
    public void A_broken_index_is_refused(string json)
    {
        using var folder = new TempFolder();
        folder.Write(Index, json);
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        Assert.NotEqual("shards are missing", error.What); // refused before any file is looked for
    }

    [Theory]
    [InlineData("pytorch_model-00001-of-00002.bin", "from_pretrained")]
    [InlineData("pytorch_model.bin", "from_pretrained")]
    [InlineData("consolidated.00.pth", """torch.load("consolidated.00.pth", "cpu", weights_only=True)""")]
    [InlineData("adapter_model.bin", "\"adapter_model.safetensors\", metadata={\"format\": \"pt\"})")]
    public void A_pickle_is_refused_with_the_way_to_convert_it(string pickle, string snippet)
    {
        using var folder = new TempFolder();
        var path = folder.Write(pickle, "never read");
        foreach (var asked in new[] { folder.Path, path, folder.File("adapter_model.safetensors") })
        {
            var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(asked));
            Assert.Contains("pickle", error.What);
            Assert.Contains(snippet, error.Message);
        }
    }

    [Fact]
    public void Nothing_there_is_said_with_what_is_there()
    {
        using var folder = new TempFolder();
        folder.Write("config.json", "{}");
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        Assert.Contains("missing", error.What);
        Assert.Contains("config.json", error.Message);
        Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.File("nowhere/model.safetensors")));
        Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(folder.Path));
        Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(folder.File("nowhere")));
    }

    [Fact]
    public void A_missing_tensor_is_an_error()
    {
        using var folder = Sharded(out _);
        using var checkpoint = Checkpoint.Open(folder.Path);
        Assert.False(checkpoint.Contains("e"));
        Assert.Throws<CheckpointException>(() => checkpoint.Read<float>("e", []));
        Assert.Throws<CheckpointException>(() => checkpoint.ReadIntegers("e"));
    }

    [Property(MaxTest = 300)]
    public void A_corrupt_index_opens_or_is_refused(int seed)
    {
        using var folder = Sharded(out _);
        var random = new Random(seed);
        var bytes = File.ReadAllBytes(folder.File(Index));
        for (var edits = random.Next(1, 4); edits > 0; edits--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        folder.Write(Index, bytes);
        try
        {
            using var checkpoint = Checkpoint.Open(folder.Path);
            Assert.Equal(4, checkpoint.Tensors.Count);
        }
        catch (InputException)
        {
            // refused, as it should be
        }
    }

    [Fact]
    public void Names_are_distinct_and_sizes_true()
    {
        using var folder = new TempFolder();
        var x = TensorData.Floats<float>("x", TensorType.F32, [1], new float[1]);
        var wrong = TensorData.Floats<float>("x", TensorType.F32, [2], new float[1]);
        var reserved = TensorData.Floats<float>("__metadata__", TensorType.F32, [1], new float[1]);
        var large = TensorData.Integers("x", TensorType.U8, [1], new long[] { 256 });
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(folder.File("x"), [x, x]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(folder.File("x"), [wrong]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(folder.File("x"), [reserved]));
        Assert.Throws<CheckpointException>(() => SafetensorsWriter.Write(folder.File("x"), [large]));
        Assert.Throws<ArgumentException>(() => TensorData.Floats<float>("x", TensorType.I64, [1], new float[1]));
        Assert.Throws<ArgumentException>(() => TensorData.Integers("x", TensorType.F32, [1], new long[1]));
        Assert.Empty(folder.Names());
    }

    private static TensorData Tensor(string name, float[] values) =>
        TensorData.Floats<float>(name, TensorType.F32, [values.Length], values);

    private static (int Count, string[] Names) Open(TempFolder folder, int shard)
    {
        using var file = SafetensorsFile.Open(folder.File(folder.Names()[shard]));
        return ((int)file.Tensors.Values.Sum(t => t.Count), [.. file.Tensors.Keys]);
    }

    // Shards of at most 20 bytes: a and b, c, d.
    private static TempFolder Sharded(out TensorData[] tensors)
    {
        var folder = new TempFolder();
        int[] lengths = [1, 3, 8, 2];
        tensors = [.. lengths.Select((n, i) => Tensor($"{(char)('a' + i)}", new float[n]))];
        SafetensorsWriter.WriteSharded(folder.Path, tensors, 20);
        return folder;
    }
}
