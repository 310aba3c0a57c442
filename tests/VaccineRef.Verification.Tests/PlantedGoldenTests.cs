using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Verification.Tests;

/// <summary>
/// Defects planted in a golden case: what is missing, cut, too long, not finite or empty fails by its name, and nothing
/// passes that was not compared.
/// </summary>
public sealed class PlantedGoldenTests : IDisposable
{
    private readonly CpuDevice _device = new(1);
    private readonly GoldenCopy _copy = new("gpt2");

    public void Dispose()
    {
        _copy.Dispose();
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
        _copy.Rewrite(file, tensor, values => Values.Vector([.. (before = values).Numbers[..^1]]));
        RequireFailure(quantity, tensor, "shape");
        _copy.Rewrite(file, tensor, _ => Values.Vector([.. before.Numbers, 0]));
        RequireFailure(quantity, tensor, "shape");
        _copy.Rewrite(file, tensor, _ => before);
        Assert.All(Verify(), comparison => Assert.True(comparison.Passed, $"{comparison}"));
    }

    [Fact]
    public void Tensors_cut_to_one_element_each_do_not_pass()
    {
        foreach (string file in (string[])["forward", "sft", "vaccine_first", "vaccine_rho2", "train_vaccine"])
            _copy.Rewrite(file, "", values => new([values.Numbers[0]], [1]));
        string[] passed = [.. Verify().Where(comparison => comparison.Passed)
            .Select(comparison => comparison.Quantity)];
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
        _copy.Rewrite(file, tensor, values => values with { Numbers = [double.NaN, .. values.Numbers[1..]] });
        RequireFailure(quantity, tensor, "NaN");
    }

    [Fact]
    public void An_empty_tensor_fails_by_name()
    {
        _copy.Rewrite("sft", "grad/transformer.ln_f.weight", _ => new([], [0]));
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
        _copy.EditManifest(path, (parent, key) => parent.Remove(key));
        Assert.Contains($"key {path}", Assert.Throws<InputException>(Verify).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\\ud800")]
    [InlineData("\u0080")]            // written as one byte, which no character of UTF-8 begins with
    public void A_text_that_is_no_Unicode_is_refused(string text)
    {
        string file = _copy.At("manifest.json");
        File.WriteAllText(
            file, File.ReadAllText(file).Replace("\"f64\"", $"\"{text}\"", StringComparison.Ordinal),
            System.Text.Encoding.Latin1);
        Assert.ThrowsAny<InputException>(Verify);
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
        _copy.EditManifest(path, (parent, key) => parent[key] = JsonNode.Parse(json));
        Assert.Contains($"key {path}", Assert.Throws<InputException>(Verify).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_stands_twice_is_refused()
    {
        string path = _copy.At("manifest.json"), text = File.ReadAllText(path);
        File.WriteAllText(path, $"{{\"dtype\": \"f64\", {text.TrimStart()[1..]}");
        Assert.Contains("dtype", Assert.Throws<InputException>(Verify).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_a_case_holds_norms_in_place_of_tensors_it_is_said()
    {
        var gradients = Verify().Where(comparison => comparison.Quantity.EndsWith(" gradients", StringComparison.Ordinal) && !comparison.Quantity.StartsWith("site", StringComparison.Ordinal)).ToArray();
        bool HasTensors(Comparison comparison) => comparison.Quantity is "plain gradients"
            or "random perturbation gradients"
            || File.Exists(_copy.At($"{comparison.Quantity.Split(' ')[0]}_{comparison.Quantity.Split(' ')[1].Replace("=", "", StringComparison.Ordinal)}.safetensors"));
        Assert.Contains(gradients, HasTensors);
        Assert.Contains(gradients, comparison => !HasTensors(comparison));
        Assert.All(
            gradients, comparison => Assert.Equal(
                HasTensors(comparison) ? null : "norms and sums only: the case holds no tensors", comparison.Note));
    }

    [Fact]
    public void A_missing_tensor_is_named()
    {
        _copy.Rewrite("sft", "grad/transformer.ln_f.weight", _ => null);
        Assert.Contains(
            "grad/transformer.ln_f.weight", Assert.Throws<CheckpointException>(Verify).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_gradient_that_nothing_of_ours_trains_is_a_failure()
    {
        _copy.Add("sft", "grad/transformer.h.0.nobody.weight");
        RequireFailure("plain gradients", "transformer.h.0.nobody.weight", "nothing of ours trains it");
    }

    [Fact]
    public void A_trainable_that_we_lack_is_counted()
    {
        _copy.EditManifest(
            "params.trainable", (parent, key) => parent[key]!.AsArray().Add("transformer.h.0.nobody.weight"));
        RequireFailure("decay groups", "transformer.h.0.nobody.weight", "");
    }

    [Fact]
    public void A_case_in_double_is_held_to_the_bounds_of_double()
    {
        Assert.Equal(1e-10, Bounds.Double.Relative);
        Assert.All(Verify().Where(comparison => comparison.Measure == "relative"), comparison =>
            Assert.Contains(
                comparison.Bound, (double[])[Bounds.Double.Relative, 2 * Bounds.Double.Relative, Bounds.Double.Later]));
    }

    [Fact]
    public void An_error_between_the_two_bounds_fails_in_double()
    {
        _copy.Rewrite(
            "sft", "grad/transformer.ln_f.weight",
            values => values with { Numbers = [.. values.Numbers.Select(value => value * (1 + 1e-8))] });
        RequireFailure("plain gradients", "grad/transformer.ln_f.weight", "");
        var single = new GoldenVerifier<float>(_device).Verify(_copy.Folder);
        Assert.True(single.Single(comparison => comparison.Quantity == "plain gradients").Passed);
    }

    [Fact]
    public void An_accumulation_case_names_its_rho()
    {
        _copy.Restore("llama_lora");
        _copy.EditManifest("accum2", (parent, key) => parent[key] = new JsonObject { ["rho"] = 2.5 });
        RequireFailure("accumulated gradients (corrected)", "base_model", "");
        _copy.EditManifest("accum2.rho", (parent, key) => parent[key] = 2);
        Assert.True(Verify().Single(comparison => comparison.Quantity == "accumulated gradients (corrected)").Passed);
        _copy.EditManifest("accum2.rho", (parent, key) => parent.Remove(key));
        Assert.True(Verify().Single(comparison => comparison.Quantity == "accumulated gradients (corrected)").Passed);
    }

    private IReadOnlyList<Comparison> Verify() => new GoldenVerifier<double>(_device).Verify(_copy.Folder);

    private void RequireFailure(string quantity, string name, string problem)
    {
        var comparison = Assert.Single(Verify(), comparison => comparison.Quantity == quantity);
        Assert.False(comparison.Passed, $"{comparison}");
        Assert.Contains(name.Split('/')[^1], comparison.Where, StringComparison.Ordinal);
        Assert.Contains(problem, comparison.Where, StringComparison.Ordinal);
    }
}
