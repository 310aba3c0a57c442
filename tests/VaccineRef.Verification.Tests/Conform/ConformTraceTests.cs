using System.Text;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Verification.Conform;

namespace VaccineRef.Verification.Tests.Conform;

/// <summary>What a trace may be: whole, partial, in another layout, in another type, broken or hostile.</summary>
public sealed class ConformTraceTests(ConformKitFixture kit) : IClassFixture<ConformKitFixture>
{
    [Theory]
    [InlineData("llama_mha")]
    [InlineData("opt")]
    public void The_expected_trace_of_an_open_case_conforms(string @case) =>
        Assert.Equal(Verdict.Conforms, kit.Check(Path.Combine(kit.Case(@case), "expected")).Verdict);

    [Fact]
    public void Two_kits_are_the_same_bytes()
    {
        string other = kit.Fresh();
        ConformKit.Write(other, kit.Device);
        Assert.Equal(ConformKit.Read(kit.Kit).Files, ConformKit.Read(other).Files);
    }

    [Fact]
    public void A_kit_that_was_changed_is_refused_by_the_file()
    {
        string other = kit.Fresh();
        ConformKit.Write(other, kit.Device);
        string file = Path.Combine(other, "cases", "opt", "config.json");
        File.AppendAllText(file, " ");
        Assert.Contains(
            "config.json", Assert.Throws<InputException>(() => ConformKit.Read(other)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_absent_is_not_checked_and_never_passed()
    {
        string trace = Copy(name => name.StartsWith("s1/grad/", StringComparison.Ordinal));
        var report = kit.Check(trace);
        Assert.Equal(Verdict.Conforms, report.Verdict);
        Assert.Contains(report.NotChecked, kind => kind.StartsWith("updated parameters", StringComparison.Ordinal));
        Assert.Contains(report.NotChecked, kind => kind.StartsWith("eps site", StringComparison.Ordinal));
        Assert.DoesNotContain(
            report.Quantities, quantity => quantity.Quantity.Contains("/param/", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("method", "\"sam\"")]
    [InlineData("rho", "3.5")]
    [InlineData("guard", "1e-12")]
    [InlineData("dropout", "0.1")]
    [InlineData("reduction", "\"sum\"")]
    public void What_a_port_says_otherwise_than_the_case_asks_is_remarked(string key, string said)
    {
        var report = kit.Check(Copy(_ => true, manifest => manifest[key] = JsonNode.Parse(said)));
        Assert.Contains($"the port says {key} ", Assert.Single(report.Remarks), StringComparison.Ordinal);
        Assert.Empty(kit.Check(Path.Combine(kit.Case("llama_mha"), "expected")).Remarks);
    }

    [Fact]
    public void Tensors_that_were_not_looked_at_are_remarked()
    {
        string trace = Copy(_ => true);
        SafetensorsWriter.Write(
            Path.Combine(trace, "more.safetensors"),
            [TensorData.Floats<double>("mine", TensorType.F64, [1], new double[1])]);
        Assert.Contains("mine", Assert.Single(kit.Check(trace).Remarks), StringComparison.Ordinal);
    }

    [Fact]
    public void A_trace_without_any_quantity_is_wrong_input()
    {
        string trace = Copy(_ => false, manifest => manifest.Remove("steps"));
        Assert.Contains(
            "nothing that could be judged", Assert.Throws<InputException>(() => kit.Check(trace)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("s1/p1/site1/raw")]
    [InlineData("s1/p1/site1/grad")]
    [InlineData("s2/p2/site2/out")]
    [InlineData("s1/grad/lm_head.weight")]
    [InlineData("s2/param/model.norm.weight")]
    public void A_NaN_fails_by_name(string tensor) =>
        RequireFailure(tensor, values => values with { Numbers = [double.NaN, .. values.Numbers[1..]] }, "NaN");

    [Theory]
    [InlineData("s1/p1/site1/raw")]
    [InlineData("s1/grad/lm_head.weight")]
    public void A_wrong_shape_fails_by_name(string tensor) =>
        RequireFailure(tensor, values => new(values.Numbers[..^1], [values.Numbers.Length - 1]), "shape");

    [Fact]
    public void A_loss_that_is_no_number_fails_by_name()
    {
        string trace = Copy(_ => true);
        string path = Path.Combine(trace, "manifest.json"), text = File.ReadAllText(path);
        int at = text.IndexOf("\"p1\": ", StringComparison.Ordinal) + 6;
        File.WriteAllText(path, text[..at] + "NaN" + text[text.IndexOf(',', at)..]);
        var report = kit.Check(trace);
        Assert.Equal(Verdict.DoesNotConform, report.Verdict);
        Assert.Equal("s1/p1/loss", report.FirstDivergence!.Quantity);
    }

    [Fact]
    public void A_tensor_larger_than_any_of_the_case_is_not_read()
    {
        string trace = Copy(name => name != "s1/grad/lm_head.weight");
        SafetensorsWriter.Write(
            Path.Combine(trace, "more.safetensors"),
            [TensorData.Floats<double>("s1/grad/lm_head.weight", TensorType.F64, [1 << 20], new double[1 << 20])]);
        var report = kit.Check(trace);
        Assert.Equal(Verdict.DoesNotConform, report.Verdict);
        Assert.Contains("more than any tensor", report.FirstDivergence!.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_that_announces_gigabytes_is_refused()
    {
        string trace = Copy(_ => false);
        byte[] header = Encoding.UTF8.GetBytes(
            "{\"s1/p1/site0/raw\":{\"dtype\":\"F64\",\"shape\":[1000000,1000],\"data_offsets\":[0,8000000000]}}");
        File.WriteAllBytes(
            Path.Combine(trace, "trace.safetensors"), [.. BitConverter.GetBytes((long)header.Length), .. header]);
        Assert.Throws<CheckpointException>(() => kit.Check(trace));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"schema\":\"vaccine-trace/1\"}")]
    [InlineData("{\"schema\":\"vaccine-trace/2\",\"case\":\"opt\",\"dtype\":\"float64\"}")]
    [InlineData("{\"schema\":\"vaccine-trace/1\",\"case\":\"../opt\",\"dtype\":\"float64\"}")]
    [InlineData("{\"schema\":\"vaccine-trace/1\",\"case\":\"opt\",\"dtype\":\"float8\"}")]
    [InlineData("{\"schema\":\"vaccine-trace/1\",\"case\":\"opt\",\"dtype\":\"float64\",\"steps\":3}")]
    [InlineData("{\"schema\":\"vaccine-trace/1\",\"case\":\"opt\",\"dtype\":\"float64\",\"loss_scale\":0}")]
    [InlineData("{\"schema\":\"vaccine-trace/1\",\"case\":\"opt\",\"case\":\"opt\",\"dtype\":\"float64\"}")]
    [InlineData("{\"schema\":\"vaccine-trace/1\",\"case\":\"opt\",\"dtype\":\"float64\",\"case_sha256\":\"00\"}")]
    public void A_broken_manifest_is_wrong_input(string manifest)
    {
        string trace = Copy(_ => true);
        File.WriteAllText(Path.Combine(trace, "manifest.json"), manifest);
        Assert.ThrowsAny<InputException>(() => kit.Check(trace));
    }

    [Fact]
    public void No_bytes_of_a_trace_crash_the_checker()
    {
        string whole = Path.Combine(kit.Case("llama_mha"), "expected");
        var random = RandomStream.FromSeed(7);
        for (int trial = 0; trial < 60; trial++)
        {
            string trace = Copy(name => name.StartsWith("s1/p", StringComparison.Ordinal));
            string file = Path.Combine(trace, random.Below(2, 3L * trial) == 0 ? "manifest.json" : "trace.safetensors");
            byte[] bytes = File.ReadAllBytes(file);
            int reach = Math.Min(bytes.Length, 2000);
            for (int flip = 0; flip < 3; flip++)
                bytes[random.Below(reach, (100L * trial) + flip)] = (byte)random.Bits((1000L * trial) + flip);
            File.WriteAllBytes(file, bytes);
            try
            {
                _ = kit.Check(trace);
            }
            catch (InputException)
            {
                // a clear verdict
            }
        }

        Assert.Equal(Verdict.Conforms, kit.Check(whole).Verdict);
    }

    [Fact]
    public void Float_conforms_and_its_defects_are_named()
    {
        Assert.Equal(Verdict.Conforms, kit.Check(InFloat("llama_mha", "")).Verdict);
        Assert.Equal(Verdict.Conforms, kit.Check(InFloat("opt", "")).Verdict);
        foreach (string defect in (string[])["norm_per_layer", "first_pass_kept", "decay_of_vectors"])
        {
            var report = kit.Check(InFloat("opt", defect));
            Assert.Contains(report.Deviations, deviation => deviation.Id == defect);
        }
    }

    [Theory]
    [InlineData("llama_gqa", "float32", 1e-3)]
    [InlineData("opt", "float32", 1e-3)]
    [InlineData("gpt2", "float32", 1e-3)]
    [InlineData("llama_gqa", "float16", 10)]
    [InlineData("llama_gqa", "bfloat16", 100)]
    public void A_reference_of_lower_precision_conforms_within_what_was_derived(string name, string dtype, double most)
    {
        using var @case = LoadedCase.Open<float>(kit.Case(name), kit.Device);
        string trace = kit.Fresh();
        Directory.CreateDirectory(trace);
        TraceWriter.Write(trace, @case, Simulation.Run(@case, Variation.Reference), dtype);
        var report = kit.Check(trace);
        Assert.True(report.Verdict == Verdict.Conforms, $"{name}: {report.FirstDivergence}");
        Assert.All(
            report.Quantities.Where(quantity => quantity.Stage == "first"),
            quantity => Assert.True(quantity.Tolerance < most, $"{quantity}"));
    }

    private string InFloat(string @case, string defect)
    {
        string trace = kit.Fresh();
        HandPort.Run(kit.Case(@case), defect, trace, kit.Device, "float32");
        return trace;
    }

    [Fact]
    public void Two_defects_at_once_are_both_named()
    {
        string trace = kit.Fresh();
        HandPort.Run(kit.Case("llama_mha"), "norm_per_layer first_pass_kept", trace, kit.Device);
        var report = kit.Check(trace);
        Assert.Equal(Verdict.KnownDeviation, report.Verdict);
        Assert.Contains(report.Deviations, deviation => deviation.Id == "norm_per_layer + first_pass_kept");
        Assert.NotEmpty(report.FurtherFaults);
        Assert.True(report.Consequences > 0);
    }

    [Fact]
    public void An_unknown_defect_does_not_conform_and_its_first_divergence_is_named()
    {
        string trace = Copy(_ => true);
        Rewrite(
            trace, "s1/p2/site1/out",
            values => values with { Numbers = [.. values.Numbers.Select((v, i) => i == 5 ? v + 0.25 : v)] });
        var report = kit.Check(trace);
        Assert.Equal(Verdict.DoesNotConform, report.Verdict);
        Assert.Equal("s1/eps/site1", report.FirstDivergence!.Quantity);
        Assert.Equal("[0, 0, 5]", report.FirstDivergence.WorstIndex);
    }

    private void RequireFailure(string tensor, Func<Values, Values> change, string problem)
    {
        string trace = Copy(_ => true);
        Rewrite(trace, tensor, change);
        var report = kit.Check(trace);
        Assert.Equal(Verdict.DoesNotConform, report.Verdict);
        string key = tensor.Replace("p2/site2/out", "eps/site2", StringComparison.Ordinal);
        Assert.Contains(report.Quantities, quantity =>
            quantity.Quantity == key && !quantity.Passed
                && quantity.Problem!.Contains(problem, StringComparison.Ordinal));
    }

    /// <summary>The expected trace of a case with the tensors that are wanted.</summary>
    private string Copy(Func<string, bool> keep, Action<JsonObject>? edit = null)
    {
        string trace = kit.Fresh(), from = Path.Combine(kit.Case("llama_mha"), "expected");
        Directory.CreateDirectory(trace);
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(from, "manifest.json")))!.AsObject();
        edit?.Invoke(manifest);
        File.WriteAllText(Path.Combine(trace, "manifest.json"), manifest.ToJsonString(new() { WriteIndented = true }));
        Write(from, trace, name => keep(name) ? values => values : null);
        return trace;
    }

    private static void Rewrite(string trace, string tensor, Func<Values, Values> change) =>
        Write(trace, trace, name => name == tensor ? change : values => values);

    private static void Write(string from, string to, Func<string, Func<Values, Values>?> change)
    {
        List<TensorData> tensors = [];
        using (var file = SafetensorsFile.Open(Path.Combine(from, "trace.safetensors")))
        {
            foreach (var entry in file.Tensors.Values)
            {
                if (!entry.Type.IsFloat)
                {
                    if (change(entry.Name) is not null)
                        tensors.Add(TensorData.Integers(
                            entry.Name, entry.Type, entry.Shape.AsSpan(), file.ReadIntegers(entry.Name)));
                }
                else if (change(entry.Name)?.Invoke(Values.Read(file, entry.Name)) is { } values)
                    tensors.Add(
                        TensorData.Floats<double>(entry.Name, TensorType.F64, values.Shape.AsSpan(), values.Numbers));
            }
        }

        SafetensorsWriter.Write(Path.Combine(to, "trace.safetensors"), tensors);
    }
}
