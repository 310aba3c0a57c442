using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models.Tests;

/// <summary>An adapter that was saved here knows its model, and is refused on any other.</summary>
public sealed class AdapterOriginLaws : IDisposable
{
    private readonly CpuDevice _device = new(1);
    private readonly TempFolder _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 15)]
    public void Adapters_in_their_order_give_the_model_they_were_saved_on_and_any_other_use_is_refused(TinyModel tiny)
    {
        using var folder = new TempFolder();
        double[] expected = Chain(tiny, folder, 3);
        using (var again = Load(folder, 1, 2, 3))
            Assert.Equal(expected, again.Logits(PackedBatch.Pack(tiny.Sequences)));
        foreach (int[] wrong in (int[][])[[2], [3], [1, 3], [2, 1], [1, 1], [1, 2, 1], [1, 3, 2]])
        {
            var error = Assert.Throws<CheckpointException>(() => Load(folder, wrong).Dispose());
            Assert.Contains("belongs to another model", error.Message);
            Assert.Contains("--adapter", error.Message);
        }
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 15)]
    public void One_weight_that_differs_by_one_unit_in_the_last_place_of_a_float_is_another_model(TinyModel tiny)
    {
        using var folder = new TempFolder();
        _ = Chain(tiny, folder, 1);
        using var other = LanguageModel.Load<double>(folder.File("model"), _device);
        var weight = other.Network.Parameters[tiny.Seed % other.Network.Parameters.Count].Value.Span;
        int at = tiny.Seed % weight.Length;
        weight[at] = MathF.BitIncrement((float)weight[at]);
        Assert.Contains(
            "another model", Assert.Throws<CheckpointException>(() => Lora.Load(other, folder.File("1"))).Message);
        Assert.Null(other.Adapter);
        Forget(folder.File("1"));
        Assert.NotNull(Lora.Load(other, folder.File("1")));
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 10)]
    public void Neither_precision_nor_the_type_or_cut_of_the_file_changes_who_a_model_is(TinyModel tiny)
    {
        using var folder = new TempFolder();
        using var model = tiny.Create<float>(_device);
        model.Save(folder.File("float"));
        foreach (string type in (string[])["F32", "F64"])
        {
            string copy = Path.Combine(folder.Path, type);
            Directory.CreateDirectory(copy);
            model.Config.CopyTo(copy);
            SafetensorsWriter.WriteSharded(copy,
            [
                .. model.Network.Parameters.Select(parameter => TensorData.Floats<float>(
                    parameter.Name, Enum.Parse<TensorType>(type), [.. parameter.Dimensions],
                    parameter.Value.Span.ToArray())),
            ], 200);
            using var single = LanguageModel.Load<float>(copy, _device);
            using var wide = LanguageModel.Load<double>(copy, _device);
            Assert.Equal((model.Identity, model.Identity), (single.Identity, wide.Identity));
        }
    }

    [Property(Arbitrary = [typeof(TinyModels)], MaxTest = 10)]
    public void A_merged_model_that_was_saved_is_the_base_of_the_next_adapter_too(TinyModel tiny)
    {
        using var folder = new TempFolder();
        double[] expected = Chain(tiny, folder, 2);
        using (var first = Load(folder, 1))
        {
            first.MergeAdapter();
            first.Save(folder.File("merged"), exact: true);
        }

        using var merged = AdaptedModel.Load<double>(folder.File("merged"), [folder.File("2")], _device);
        Assert.Equal(expected, merged.Logits(PackedBatch.Pack(tiny.Sequences)));
    }

    [Fact]
    public void Taking_an_adapter_out_or_off_gives_the_former_model_and_training_all_weights_a_new_one()
    {
        using var model = new TinyModel("llama", 5, 1, [3]).Create<double>(_device);
        string plain = model.Identity;
        var lora = Trained(model, RandomStream.FromSeed(1));
        Assert.Equal((plain, plain), (model.Identity, lora.Base));
        lora.Merge();
        Assert.NotEqual(plain, model.Identity);
        lora.Unmerge();
        Assert.Equal(plain, model.Identity);
        lora.Detach();
        model.Trainable[0].Value.Span[0] += 1;
        Assert.NotEqual(plain, model.Identity);
    }

    [Fact]
    public void Scaling_is_part_of_an_adapter()
    {
        string Merged(double alpha)
        {
            using var model = new TinyModel("llama", 5, 1, [3]).Create<double>(_device);
            Lora.Attach(model, ModelRun.AllLinear() with { Alpha = alpha }, RandomStream.FromSeed(1)).Merge();
            return model.Identity;
        }

        Assert.Equal(Merged(3), Merged(3));
        Assert.NotEqual(Merged(3), Merged(4));
    }

    [Fact]
    public void An_adapter_names_a_base_folder_only_where_it_belongs_on_it_as_it_is()
    {
        _ = Chain(new TinyModel("llama", 5, 1, [3]), _folder, 2);
        string? Named(int adapter) =>
            JsonNode.Parse(File.ReadAllText(_folder.File($"{adapter}/adapter_config.json")))!["base_model_name_or_path"]?.ToString();
        Assert.Equal((_folder.File("model"), null), (Named(1), Named(2)));
    }

    [Fact]
    public void Peft_reads_what_it_knows_and_the_rest_is_in_the_metadata_of_the_weights()
    {
        _ = Chain(new TinyModel("llama", 5, 1, [3]), _folder, 1);
        using var file = SafetensorsFile.Open(_folder.File("1/adapter_model.safetensors"));
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal(64, file.Metadata["vaccineref.base"].Length);
        Assert.Equal("model", file.Metadata["vaccineref.base_is"]);
        var keys = JsonNode.Parse(File.ReadAllText(_folder.File("1/adapter_config.json")))!.AsObject()
            .Select(pair => pair.Key);
        Assert.DoesNotContain(keys, key => key.Contains("vaccine", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Writes the file of an adapter anew as PEFT writes it, without the metadata.</summary>
    internal static void Forget(string adapter)
    {
        string path = Path.Combine(adapter, "adapter_model.safetensors");
        TensorData[] tensors;
        using (var file = SafetensorsFile.Open(path))
            tensors =
            [
                .. file.Tensors.Values.Select(entry =>
                {
                    var values = new double[entry.Count];
                    file.Read<double>(entry.Name, values);
                    return TensorData.Floats<double>(entry.Name, entry.Type, [.. entry.Shape], values);
                }),
            ];
        SafetensorsWriter.Write(path, tensors);
    }

    /// <summary>
    /// Saves a model, and adapters 1, 2, ..., each on the model into which those before it were merged.
    /// </summary>
    /// <returns>The logits with the last one.</returns>
    private double[] Chain(TinyModel tiny, TempFolder folder, int adapters)
    {
        using (var plain = tiny.Create<float>(_device))
            plain.Save(folder.File("model"));
        using var model = LanguageModel.Load<double>(folder.File("model"), _device);
        for (int i = 1; i <= adapters; i++)
        {
            model.MergeAdapter();
            Trained(model, tiny.Random.At(i)).Save(folder.File($"{i}"), exact: true);
        }

        return model.Logits(PackedBatch.Pack(tiny.Sequences));
    }

    private Model<double> Load(TempFolder folder, params int[] adapters) =>
        AdaptedModel.Load<double>(folder.File("model"), [.. adapters.Select(i => folder.File($"{i}"))], _device);

    private Lora<double> Trained(Model<double> model, RandomStream random)
    {
        var lora = Lora.Attach(model, ModelRun.AllLinear(), random);
        foreach (var pair in lora.Pairs)
            _device.Run(new FillNormal<double>(random.At(pair.B.Name), 0.3), pair.B.Value);
        return lora;
    }
}
