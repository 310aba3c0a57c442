using System.Text;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>Tests that measure the memory of the process run alone.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class AloneCollection;

/// <summary>
/// Reading takes the memory of a row and not of the file, and what expands without end ends with an error.
/// </summary>
[Collection("alone")]
public sealed class StreamingLaws
{
    private const int Noise = 2 << 20;

    [Theory]
    [InlineData("a.jsonl")]
    [InlineData("a.json")]
    [InlineData("a.csv")]
    [InlineData("a.tsv")]
    [InlineData("a.txt")]
    public void Peak_memory_does_not_grow_with_the_file(string name)
    {
        long small = Peak(name, 1_000), large = Peak(name, 40_000);
        Assert.True(large < small + Noise, $"{small} bytes for a small file, {large} for one of forty times its size");
    }

    /// <summary>Each would fill the memory: a row, or what stands between rows, without end.</summary>
    [Theory]
    [InlineData("a.jsonl", "{\"instruction\":\"i\",\"output\":\"o\"}\n{\"instruction\":\"", "aaaaaaaa", "too long")]
    [InlineData("a.jsonl", "{\"instruction\":\"i\",\"output\":\"o\"}\n{\"instruction\":[1", ",1,1,1,1", "too long")]
    [InlineData("a.json", "[{\"instruction\":\"", "aaaaaaaa", "too long")]
    [InlineData("a.csv", "instruction,output\n\"", "aaaaaaaa", "too long")]
    [InlineData("a.csv", "instruction,output\n", "aaaaaaaa", "too long")]
    [InlineData("a.csv", "instruction,output\n", ",,,,,,,,", "too long")]
    [InlineData("a.tsv", "", "aaaaaaaa", "too long")]
    [InlineData("a.txt", "", "aaaaaaaa", "too long")]
    [InlineData("a.jsonl", "", "\n\n\n\n\n\n\n\n", "no rows")]
    [InlineData("a.jsonl", "", "\0\0\0\0\0\0\0\0", "NUL")]
    public void What_expands_without_end_costs_neither_memory_nor_minutes(
        string name, string start, string more, string what)
    {
        using var file = new TempFile(name + ".gz", Bomb(start, more, 1 << 24));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        long before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Alpaca));
        Assert.Contains(what, error.What, StringComparison.Ordinal);
        Assert.True(
            GC.GetAllocatedBytesForCurrentThread() - before < 512 << 20,
            $"{(GC.GetAllocatedBytesForCurrentThread() - before) >> 20} MiB");
        Assert.True(clock.Elapsed.TotalSeconds < 30, $"{clock.Elapsed}");
    }

    /// <summary>A line that is too long is named by its number, whatever stands before it.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_line_that_is_too_long_is_named(int before)
    {
        using var file = new TempFile(
            "a.txt.gz", Bomb(string.Concat(Enumerable.Repeat("one\n", before)), "aaaaaaaa", 1 << 24));
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Prompts));
        Assert.EndsWith($", row {before + 1}", error.Where, StringComparison.Ordinal);
    }

    private static byte[] Bomb(string start, string more, int size)
    {
        using var stored = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(stored, System.IO.Compression.CompressionLevel.Fastest))
        {
            gzip.Write(Encoding.UTF8.GetBytes(start));
            byte[] part = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(more, 1 << 13)));
            for (int at = 0; at < size; at += part.Length)
                gzip.Write(part);
        }

        return stored.ToArray();
    }

    private static long Peak(string name, int rows)
    {
        string text = new('x', 200);
        var lines = Enumerable.Range(0, rows).Select(i => Path.GetExtension(name) switch
        {
            ".csv" => $"\"{i} {text}\",o",
            ".tsv" => $"{i} {text}\to",
            ".txt" => $"{i} {text}",
            _ => $$"""{"instruction":"{{i}} {{text}}","output":"o"}""",
        });
        string content = Path.GetExtension(name) switch
        {
            ".json" => $"[{string.Join(",\n", lines)}]",
            ".jsonl" or ".txt" => string.Join('\n', lines),
            ".csv" => "instruction,output\n" + string.Join('\n', lines),
            _ => "instruction\toutput\n" + string.Join('\n', lines),
        };
        using var file = new TempFile(name + ".gz", TempFile.Gzip(content));
        long peak = 0, before = GC.GetTotalMemory(forceFullCollection: true);
        int seen = 0;
        foreach (int _ in DataSet.Rows(file.Path, _ =>
        {
            if (++seen % (rows / 8) == 0)
                peak = Math.Max(peak, GC.GetTotalMemory(forceFullCollection: true) - before);
            return 0;
        }))
        {
        }

        GC.KeepAlive(content);
        Assert.Equal(rows, seen);
        return peak;
    }
}
