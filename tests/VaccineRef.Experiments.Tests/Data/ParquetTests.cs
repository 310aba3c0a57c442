using Parquet.Serialization;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

public sealed class ParquetTests
{
    [Fact]
    public async Task BeaverTails_with_nested_categories()
    {
        Beaver[] rows =
        [
            new() { prompt = "Why?", response = "So.", is_safe = true, category = new() { cooking = true } },
            new() { prompt = "Was?", response = "Brot 🍞", category = new() { cooking = true, other = true } },
        ];
        var data = await Read(rows, TaskPreset.BeaverTails);
        Assert.Equal("parquet as beavertails", data.Source.Reader);
        Assert.Equal(
            [
                new("x.parquet:1", "Why?", "", "So.", true, "cooking", "beavertails"),
                new Example("x.parquet:2", "Was?", "", "Brot 🍞", false, "cooking; other", "beavertails"),
            ],
            data.Examples.Select(row => row with { File = "" }));
    }

    [Fact]
    public async Task Ag_news_as_hugging_face_stores_it()
    {
        News[] rows = [new() { text = "Rain", label = 3 }, new() { text = "Goal", label = 1 }];
        var data = await Read(rows, TaskPreset.AgNews);
        Assert.Equal([("Rain", "Sci/Tech"), ("Goal", "Sports")], data.Examples.Select(row => (row.Input, row.Output)));
    }

    [Fact]
    public async Task A_missing_column_is_named()
    {
        var error = await Assert.ThrowsAsync<DataException>(() => Read([new News { text = "Rain" }], TaskPreset.Sst2));
        Assert.Equal((1, "sentence"), (error.Row, error.Field));
    }

    /// <summary>The library's reader would read on for ever.</summary>
    [Fact]
    public void A_footer_without_an_end_is_refused()
    {
        byte[] bytes = Containers.Write("x.parquet", ["text", "label"], [["Rain", 3L]]);
        Assert.Equal(0, bytes[^9]);
        bytes[^9] = 1;
        using var file = new TempFile("x.parquet", bytes);
        Assert.Contains(
            "no end", Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.AgNews)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_file()
    {
        using var file = new TempFile("x.parquet", "PAR1 and nothing else PAR1");
        Assert.Equal(
            "a parquet file cannot be read",
            Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Sst2)).What);
    }

    private static async Task<DataSet> Read<TRow>(IReadOnlyCollection<TRow> rows, TaskPreset task)
        where TRow : class
    {
        using var bytes = new MemoryStream();
        await ParquetSerializer.SerializeAsync(rows, bytes, cancellationToken: TestContext.Current.CancellationToken);
        using var file = new TempFile("x.parquet", bytes.ToArray());
        return DataSet.Read(file.Path, task);
    }

#pragma warning disable CA1812, IDE1006, CA1852    // columns are named after properties, and filled by the serialiser
    internal sealed class Beaver
    {
        public string? prompt { get; set; }

        public string? response { get; set; }

        public bool is_safe { get; set; }

        public Category? category { get; set; }
    }

    internal sealed class Category
    {
        public bool cooking { get; set; }

        public bool other { get; set; }
    }

    internal sealed class News
    {
        public string? text { get; set; }

        public long label { get; set; }
    }
#pragma warning restore CA1812, IDE1006, CA1852
}
