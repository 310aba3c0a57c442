using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VaccineRef.Models;
using VaccineRef.Testing;
using VaccineRef.Verification.Conform;

namespace VaccineRef.Verification.Tests.Conform;

/// <summary>
/// The schemas of a kit say what the program reads and writes, and the docs list every defect that it knows.
/// </summary>
public sealed class ConformSchemaTests(ConformKitFixture kit) : IClassFixture<ConformKitFixture>
{
    [Theory]
    [InlineData("llama_mha")]
    [InlineData("llama_accumulation")]
    [InlineData("llama_lora")]
    public void An_expected_trace_is_what_the_schemas_say(string @case)
    {
        string trace = Path.Combine(kit.Case(@case), "expected");
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(trace, "manifest.json")));
        Assert.Null(JsonSchema.Violation(Schema("trace.schema.json"), manifest, "$"));
        using var file = SafetensorsFile.Open(Path.Combine(trace, "trace.safetensors"));
        var header = new JsonObject(file.Tensors.Values.Select(entry => KeyValuePair.Create(entry.Name, (JsonNode?)new JsonObject
        {
            ["dtype"] = entry.Type.Name(),
            ["shape"] = new JsonArray([.. entry.Shape.Select(extent => (JsonNode)extent)]),
            ["data_offsets"] = new JsonArray(0, 1),
        })));
        Assert.Null(JsonSchema.Violation(Schema("trace-tensors.schema.json"), header, "$"));
    }

    [Theory]
    [InlineData("""{"schema":"vaccine-trace/2","case":"opt","dtype":"float64"}""")]
    [InlineData("""{"schema":"vaccine-trace/1","case":"opt"}""")]
    [InlineData("""{"schema":"vaccine-trace/1","case":"opt","dtype":"float8"}""")]
    [InlineData("""{"schema":"vaccine-trace/1","case":"opt","dtype":"float64","steps":[{"step":0}]}""")]
    [InlineData("""{"schema":"vaccine-trace/1","case":"opt","dtype":"float64","steps":[{"step":1,"losses":{"first":1}}]}""")]
    public void What_is_no_trace_violates_the_schema(string manifest) =>
        Assert.NotNull(JsonSchema.Violation(Schema("trace.schema.json"), JsonNode.Parse(manifest), "$"));

    [Fact]
    public void The_schema_has_the_keys_that_the_program_reads()
    {
        var manifest = new TraceManifest("s", "c", "d")
        {
            Implementation = new("n", "v"),
            CaseSha256 = "x",
            Method = "m",
            Rho = 1,
            Norm = "n",
            Guard = 1,
            Dropout = 0,
            Reduction = "r",
            LossScale = 1,
            Sites = [],
            Steps = [new(1) { Passes = 1, Losses = new Dictionary<string, double?>(), Norms = new Dictionary<string, double?>() }],
        };
        var written = JsonSerializer.SerializeToNode(manifest, ConformJson.Default.TraceManifest)!;
        var schema = Schema("trace.schema.json");
        static string[] Keys(JsonNode node) =>
            [.. node.AsObject().Select(property => property.Key).Order(StringComparer.Ordinal)];
        Assert.Equal(Keys(written), Keys(schema["properties"]!));
        Assert.Equal(Keys(written["steps"]![0]!), Keys(schema["properties"]!["steps"]!["items"]!["properties"]!));
        Assert.Equal(
            Precision.Known.Keys.Order(StringComparer.Ordinal),
            schema["properties"]!["dtype"]!["enum"]!.AsArray().Select(item => (string)item!)
                .Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_docs_list_every_known_defect()
    {
        string docs = File.ReadAllText(Path.Combine(Repository.Root, "docs", "conform.md"));
        string[] listed = [.. Regex.Matches(docs, @"^\| `([a-z_]+)` \|", RegexOptions.Multiline)
            .Select(match => match.Groups[1].Value)];
        Assert.Equal(Hypotheses.All.Select(hypothesis => hypothesis.Id), listed);
        Assert.Equal(listed.Length, listed.Distinct().Count());
    }

    [Fact]
    public void Every_known_defect_is_planted_in_some_port()
    {
        string script = File.ReadAllText(
            Path.Combine(Repository.Root, "tests", "VaccineRef.Verification.Tests", "Conform", "planted.py"));
        string[] inPython = Regex.Match(script, "DEFECTS = \"\"\"(.+?)\"\"\"", RegexOptions.Singleline).Groups[1].Value.Split((char[])[' ', '\n']);
        var byHand = ConformPlantedTests.Planted.Select(row => row.Data.Item2);
        Assert.Equal(
            Hypotheses.All.Select(hypothesis => hypothesis.Id).Append("dropout_anew").Order(StringComparer.Ordinal),
            inPython.Concat(byHand).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_kit_holds_the_recorder_and_the_port()
    {
        var files = ConformKit.Read(kit.Kit).Files.Keys;
        foreach (string file in (string[])["README.md", "trace.schema.json", "trace-tensors.schema.json",
            "recorder/recorder.py", "ports/pytorch/port.py"])
            Assert.Contains(file, files);
    }

    private JsonNode Schema(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(kit.Kit, name)))!;
}
