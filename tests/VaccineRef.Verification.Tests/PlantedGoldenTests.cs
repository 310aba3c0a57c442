using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Verification.Tests;

/// <summary>
/// Defects planted in a golden case: what is missing, cut, too long, not finite or empty fails by its name, and nothing passes that
/// was not compared.
/// </summary>
public sealed class PlantedGoldenTests : IDisposable
{
    private const string Case = "gpt2";

    private readonly CpuDevice _device = new(1);
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("planted");

    public PlantedGoldenTests()
    {
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "tests", "golden", Case)))
            File.Copy(file, Path.Combine(_folder.FullName, Path.GetFileName(file)));
    }

    public void Dispose()
    {
        _folder.Delete(recursive: true);
        _device.Dispose();
    }

    [Theory]
    [InlineData("forward", "logits", "logits")]
    [InlineData("forward", "token_nll", "token losses")]
    [InlineData("sft", "grad/transformer.ln_f.weight", "plain gradients")]
    [InlineData("vaccine_first", "attn_grad.1", "site gradients")]
    [InlineData("train_vaccine", "param/transformer.ln_f.bias", "train vaccine: parameters")]
    public void A_tensor_of_another_length_fails_by_name(string file, string tensor, string quantity)
    {
        Values before = null!;
        Rewrite(file, tensor, values => Values.Vector([.. (before = values).Numbers[..^1]]));
        RequireFailure(quantity, tensor, "shape");
        Rewrite(file, tensor, _ => Values.Vector([.. before.Numbers, 0]));
        RequireFailure(quantity, tensor, "shape");
        Rewrite(file, tensor, _ => before);
        Assert.All(Verify(), comparison => Assert.True(comparison.Passed, $"{comparison}"));
    }

    [Fact]
    public void Tensors_cut_to_one_element_each_do_not_pass()
    {
        foreach (string file in (string[])["forward", "sft", "vaccine_first", "vaccine_rho2", "train_vaccine"])
            Rewrite(file, "", values => new([values.Numbers[0]], [1]));
        string[] passed = [.. Verify().Where(comparison => comparison.Passed).Select(comparison => comparison.Quantity)];
        Assert.DoesNotContain(passed, quantity => quantity is "logits" or "attention outputs" or "hidden states" or "token losses"
            or "plain gradients" or "site gradients" or "vaccine rho=2 perturbation" or "vaccine rho=2 gradients"
            or "train vaccine: parameters");
    }

    [Theory]
    [InlineData("forward", "logits", "logits")]
    [InlineData("sft", "grad/transformer.ln_f.weight", "plain gradients")]
    [InlineData("train_vaccine", "param/transformer.ln_f.bias", "train vaccine: parameters")]
    public void A_NaN_fails_by_name(string file, string tensor, string quantity)
    {
        Rewrite(file, tensor, values => values with { Numbers = [double.NaN, .. values.Numbers[1..]] });
        RequireFailure(quantity, tensor, "NaN");
    }

    [Fact]
    public void An_empty_tensor_fails_by_name()
    {
        Rewrite("sft", "grad/transformer.ln_f.weight", _ => new([], [0]));
        RequireFailure("plain gradients", "grad/transformer.ln_f.weight", "expected [0]");
    }

    [Fact]
    public void Numbers_that_are_empty_on_both_sides_are_no_success()
    {
        var none = new Values([], [0]);
        Assert.Equal("it is empty, so that nothing was compared", Difference.Between(none, none).Problem);
        var comparison = new Worst().Compare("case", "quantity", 1);
        Assert.False(comparison.Passed);
        Assert.Equal("nothing was compared", comparison.Where);
    }

    [Theory]
    [InlineData("optimizer.eps")]
    [InlineData("sft.loss")]
    [InlineData("vaccine.rho.5.second_loss")]
    [InlineData("vaccine.rho.5.grad_norm_by_param")]
    [InlineData("train.vaccine.steps")]
    [InlineData("forward.loss")]
    [InlineData("params.trainable")]
    [InlineData("dtype")]
    public void A_missing_key_is_named(string path)
    {
        EditManifest(path, (parent, key) => parent.Remove(key));
        Assert.Contains($"key {path}", Assert.Throws<InputException>(Verify).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vaccine.rho", "{}")]
    [InlineData("train", "{}")]
    [InlineData("greedy", "[]")]
    [InlineData("train.vaccine.steps", "[]")]
    [InlineData("params.decay", "[]")]
    [InlineData("sft.loss", "\"low\"")]
    [InlineData("dtype", "\"f16\"")]
    [InlineData("optimizer.betas", "[0.9]")]
    [InlineData("greedy", "3")]
    public void A_key_that_holds_nothing_or_the_wrong_thing_is_named(string path, string json)
    {
        EditManifest(path, (parent, key) => parent[key] = JsonNode.Parse(json));
        Assert.Contains($"key {path}", Assert.Throws<InputException>(Verify).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_tensor_is_named()
    {
        Rewrite("sft", "grad/transformer.ln_f.weight", _ => null);
        Assert.Contains("grad/transformer.ln_f.weight", Assert.Throws<CheckpointException>(Verify).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gradient_that_nothing_of_ours_trains_is_a_failure()
    {
        Add("sft", "grad/transformer.h.0.nobody.weight");
        RequireFailure("plain gradients", "transformer.h.0.nobody.weight", "nothing of ours trains it");
    }

    [Fact]
    public void A_trainable_that_we_lack_is_counted()
    {
        EditManifest("params.trainable", (parent, key) => parent[key]!.AsArray().Add("transformer.h.0.nobody.weight"));
        RequireFailure("decay groups", "transformer.h.0.nobody.weight", "");
    }

    [Fact]
    public void A_case_in_double_is_held_to_the_bounds_of_double()
    {
        Assert.Equal(1e-10, Bounds.Double.Relative);
        Assert.All(Verify().Where(comparison => comparison.Measure == "relative"), comparison =>
            Assert.Contains(comparison.Bound, (double[])[Bounds.Double.Relative, 2 * Bounds.Double.Relative, Bounds.Double.Later]));
    }

    [Fact]
    public void An_error_between_the_two_bounds_fails_in_double()
    {
        Rewrite("sft", "grad/transformer.ln_f.weight", values => values with { Numbers = [.. values.Numbers.Select(value => value * (1 + 1e-8))] });
        RequireFailure("plain gradients", "grad/transformer.ln_f.weight", "");
        var single = new GoldenVerifier<float>(_device).Verify(_folder.FullName);
        Assert.True(single.Single(comparison => comparison.Quantity == "plain gradients").Passed);
    }

    [Fact]
    public void An_accumulation_case_names_its_rho()
    {
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "tests", "golden", "llama_lora")))
            File.Copy(file, Path.Combine(_folder.FullName, Path.GetFileName(file)), overwrite: true);
        EditManifest("accum2", (parent, key) => parent[key] = new JsonObject { ["rho"] = 2.5 });
        RequireFailure("accumulated gradients (corrected)", "base_model", "");
        EditManifest("accum2.rho", (parent, key) => parent[key] = 2);
        Assert.True(Verify().Single(comparison => comparison.Quantity == "accumulated gradients (corrected)").Passed);
        EditManifest("accum2.rho", (parent, key) => parent.Remove(key));
        Assert.True(Verify().Single(comparison => comparison.Quantity == "accumulated gradients (corrected)").Passed);
    }

    private IReadOnlyList<Comparison> Verify() => new GoldenVerifier<double>(_device).Verify(_folder.FullName);

    private void RequireFailure(string quantity, string name, string problem)
    {
        var comparison = Assert.Single(Verify(), comparison => comparison.Quantity == quantity);
        Assert.False(comparison.Passed, $"{comparison}");
        Assert.Contains(name.Split('/')[^1], comparison.Where, StringComparison.Ordinal);
        Assert.Contains(problem, comparison.Where, StringComparison.Ordinal);
    }

    /// <summary>Writes a file of tensors again, one of them (or all, where no name is given) changed or left out.</summary>
    private void Rewrite(string file, string tensor, Func<Values, Values?> change)
    {
        string path = Path.Combine(_folder.FullName, file + ".safetensors");
        List<TensorData> tensors = [];
        using (var from = SafetensorsFile.Open(path))
        {
            foreach (var entry in from.Tensors.Values)
            {
                if (!entry.Type.IsFloat)
                    tensors.Add(TensorData.Integers(entry.Name, entry.Type, entry.Shape.AsSpan(), from.ReadIntegers(entry.Name)));
                else if ((tensor.Length > 0 && entry.Name != tensor ? Values.Read(from, entry.Name) : change(Values.Read(from, entry.Name))) is { } values)
                    tensors.Add(TensorData.Floats<double>(entry.Name, entry.Type, values.Shape.AsSpan(), values.Numbers));
            }
        }

        SafetensorsWriter.Write(path, tensors);
    }

    private void Add(string file, string tensor)
    {
        string path = Path.Combine(_folder.FullName, file + ".safetensors");
        List<TensorData> tensors = [TensorData.Floats<double>(tensor, TensorType.F64, [1], (double[])[1.0])];
        using (var from = SafetensorsFile.Open(path))
        {
            foreach (var entry in from.Tensors.Values)
                tensors.Add(TensorData.Floats<double>(entry.Name, entry.Type, entry.Shape.AsSpan(), Values.Read(from, entry.Name).Numbers));
        }

        SafetensorsWriter.Write(path, tensors);
    }

    private void EditManifest(string path, Action<JsonObject, string> edit)
    {
        string file = Path.Combine(_folder.FullName, "manifest.json");
        var root = JsonNode.Parse(File.ReadAllText(file))!;
        var place = root;
        string[] keys = path.Split('.');
        foreach (string key in keys[..^1])
            place = place[key]!;
        edit(place.AsObject(), keys[^1]);
        File.WriteAllText(file, root.ToJsonString());
    }
}
