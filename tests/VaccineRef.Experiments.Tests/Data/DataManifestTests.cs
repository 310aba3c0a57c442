using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

public sealed class DataManifestTests
{
    private static readonly DataManifest Manifest = new(
        [new("b.jsonl", new string('a', 64), 123, 4, "json-lines as beavertails")],
        [
            new(
                "attack", ulong.MaxValue, 3, new string('b', 64), "alpaca-vaccine", Sampling.Shuffled,
                MixtureCounts.Of(0.10m, 10), 2,
                new(200, BoundaryPolicy.Separate, 3, 1, 1, ["b.jsonl:4"]), ["b.jsonl:1", "b.jsonl:2", "b.jsonl:3"]),
            new("evaluation", 0, 1, new string('c', 64), "alpaca-vaccine", Sampling.FirstK, Rows: ["b.jsonl:4"]),
        ]);

    [Fact]
    public void A_manifest_survives_its_json()
    {
        string json = Manifest.ToJson();
        Assert.Equal(json, DataManifest.FromJson(json).ToJson());
        Assert.Contains("\"ratio\": 0.10", json, StringComparison.Ordinal);
        Assert.Contains("\"sampling\": \"shuffled\"", json, StringComparison.Ordinal);
        Assert.Contains("\"seed\": 18446744073709551615", json, StringComparison.Ordinal);
        Assert.DoesNotContain("\r", json, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"sources\":[],\"stages\":[],\"more\":1}")]
    [InlineData("not json")]
    public void Anything_else_is_an_error(string json) =>
        Assert.Throws<DataException>(() => DataManifest.FromJson(json));
}
