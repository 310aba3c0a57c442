using System.Text;
using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

/// <summary>
/// Reading a checkpoint takes the memory of the weights as they are kept and a constant, whatever the sizes of tensors
/// and shards and whatever the types in the files.
/// </summary>
public sealed class LoadingMemoryLaws : IDisposable
{
    // Values that are read at a time: CheckpointSource.Window. On the device they are floats here.
    private const long Window = 1 << 18, DeviceWindow = Window * sizeof(float);

    // On the host: a window of numbers, one of the file's bytes (1 MiB), and the header, names and layers of so small a
    // model.
    private const long Host = (Window * sizeof(float)) + (1 << 20) + (1 << 19);

    private readonly TempFolder _folder = new();
    private readonly CpuDevice _device = new(2);

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    /// <summary>
    /// Tensors of 3 to 9 MiB as floats, more than the bound, in several shards. In bfloat16 the weights of linear
    /// layers are those of the files, rounded once; everything else is kept in float.
    /// </summary>
    [Property(MaxTest = 6)]
    public void Reading_takes_the_weights_and_a_constant(
        PositiveInt hidden, PositiveInt feedForward, byte type, byte shards)
    {
        var stored = (TensorType[])[TensorType.F32, TensorType.F16, TensorType.BF16];
        // 3 MiB and more
        var config = Config(2 * ((hidden.Get * 7919 % 150) + 200), (feedForward.Get * 7919 % 1500) + 2000);
        string folder = _folder.File(Guid.NewGuid().ToString("N"));
        using var made = LanguageModel.Create<float>(config, _device, RandomStream.FromSeed(7));
        Write(folder, config, made, stored[type % 3], shards);
        foreach (var kept in Enum.GetValues<WeightPrecision>())
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            using var model = LanguageModel.Load<float>(folder, _device, kept);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Host);
            var dry = new DryDevice();
            using var counted = LanguageModel.Load<float>(folder, dry, kept);
            Assert.Equal(Kept(model), counted.Bytes);
            Assert.InRange(dry.Peak - counted.Bytes, 0, DeviceWindow);
            foreach (var (was, now) in made.Network.Parameters.Zip(model.Network.Parameters))
                Assert.Equal(Expected(was.Value.Span, stored[type % 3], now.IsCompact), Values(now));
        }
    }

    /// <summary>The identity of a model is computed without a copy of a weight on the host.</summary>
    [Fact]
    public void An_identity_takes_a_constant()
    {
        foreach (var kept in Enum.GetValues<WeightPrecision>())
        {
            using var model = LanguageModel.Create<float>(Config(512, 2048), _device, RandomStream.FromSeed(7), kept);
            long before = GC.GetAllocatedBytesForCurrentThread();
            _ = model.Identity;
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Host);
        }
    }

    /// <summary>
    /// A file that is shortened while it is open is an error that names the tensor, and no end of the process.
    /// </summary>
    [Fact]
    public void A_file_that_is_cut_while_it_is_read_is_an_error()
    {
        string path = _folder.File("cut.safetensors");
        SafetensorsWriter.Write(
            path, [TensorData.Floats<float>("weight", TensorType.F32, [1 << 20], new float[1 << 20])]);
        using var file = SafetensorsFile.Open(path);
        using (var cut = File.Open(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            cut.SetLength(1 << 20);
        var error = Assert.Throws<CheckpointException>(() => file.Read<float>("weight", new float[1 << 20]));
        Assert.Equal("weight", error.Key);
        Assert.Contains("it had", error.Message, StringComparison.Ordinal);
    }

    private static long Kept(Model<float> model) => model.Network.Parameters.Sum(parameter =>
        (parameter.Shape.Count * (parameter.IsCompact ? sizeof(ushort) : sizeof(float)) + HostBuffer.Alignment - 1)
            & -HostBuffer.Alignment);

    private static float[] Values(Parameter<float> parameter)
    {
        if (!parameter.IsCompact)
            return parameter.Value.Span.ToArray();
        var values = new float[parameter.Shape.Count];
        BFloat16.Widen(parameter.Compact.Span, values);
        return values;
    }

    private static float[] Expected(ReadOnlySpan<float> made, TensorType stored, bool compact)
    {
        float[] values = made.ToArray();
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = stored == TensorType.F16
                ? (float)(Half)values[i]
                : stored == TensorType.BF16 ? Rounded(values[i]) : values[i];
            values[i] = compact ? Rounded(values[i]) : values[i];
        }

        return values;
    }

    private static float Rounded(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value), below = bits & 0xFFFF0000;
        bool up = (bits & 0xFFFF) > 0x8000 || ((bits & 0xFFFF) == 0x8000 && (bits & 0x10000) != 0);
        return BitConverter.UInt32BitsToSingle(up ? below + 0x10000 : below);
    }

    private static void Write(string folder, ConfigReader config, Model<float> made, TensorType type, byte shards)
    {
        Directory.CreateDirectory(folder);
        config.CopyTo(folder);
        var tensors = made.Network.Parameters.Select(parameter => TensorData.Floats<float>(
            parameter.Name, type, [.. parameter.Dimensions], parameter.Value.Span.ToArray())).ToArray();
        SafetensorsWriter.WriteSharded(
            folder, tensors, (tensors.Sum(tensor => tensor.Length) / ((shards % 4) + 1)) + 1);
    }

    private static ConfigReader Config(int hidden, int feedForward) => ConfigReader.Parse(Encoding.UTF8.GetBytes(
        $$"""
        {
          "model_type": "llama", "vocab_size": 1000, "hidden_size": {{hidden}}, "intermediate_size": {{feedForward}},
          "num_hidden_layers": 1, "num_attention_heads": 1, "max_position_embeddings": 8, "rms_norm_eps": 1e-5,
          "tie_word_embeddings": false
        }
        """));
}
