using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>One value has one meaning, whichever container it comes from and however it is spelled there.</summary>
public sealed class ContainerLaws
{
    private static readonly string[] News = ["World", "Sports", "Business", "Sci/Tech"];

    [Property(MaxTest = 5)]
    public void A_label_has_one_meaning_in_every_container(byte[] classes, byte turn)
    {
        int[] chosen = [.. classes.Select(value => value % 4).DefaultIfEmpty(2)];
        foreach (var (task, columns, row, spellings) in Tasks())
            foreach (var (place, plain) in Containers.Plain.Index())
                foreach (var (i, spelling) in spellings.Index())
                {
                    string container = plain + Compressed.Extensions[(turn + place + i) % Compressed.Extensions.Length];
                    int count = spelling.Length;
                    object[][] rows = [.. chosen.Select(value => (object[])[.. row, spelling[value % count]])];
                    using var file = new TempFile(container, Containers.Write(container, columns, rows));
                    var examples = DataSet.Read(file.Path, TaskPreset.Get(task)).Examples;
                    string where = $"{task} in {container} with {spelling[0]} ({spelling[0].GetType().Name})";
                    Assert.True(chosen.Length == examples.Length, where);
                    foreach (var (value, example) in chosen.Zip(examples))
                    {
                        Assert.True(
                            "a text, with \u00e9"
                                == example.Input + (example.Input.Length == 0 ? example.Instruction : ""), where);
                        Assert.True(
                            Expected(task, value % count) == (example.Output, example.IsSafe, example.Label), where);
                    }
                }
    }

    /// <summary>
    /// Presets without a label give the same rows in every container, whatever else stands in the file.
    /// </summary>
    [Property(MaxTest = 2)]
    public void Text_has_one_meaning_in_every_container(PositiveInt number, byte size)
    {
        foreach (var (task, columns) in ((string, string[])[])
            [("alpaca", ["instruction", "input", "output", "score"]),
                ("refusals", ["instruction", "input", "output", "score"]),
             ("gsm8k", ["question", "id", "answer", "score"]), ("prompts", ["goal", "source", "target", "score"]),
             ("chat", ["prompt", "id", "completion", "score"])])
        {
            object[][] rows = [.. Enumerable.Range(0, 1 + (size % 5))
                .Select(i => (object[])[$"ask {i}", "more", $"so #### {number.Get}", 0.5])];
            var read = Containers.Names.Select(container =>
            {
                using var file = new TempFile(container, Containers.Write(container, columns, rows));
                return DataSet.Read(file.Path, TaskPreset.Get(task)).Examples
                    .Select(example => (example.Instruction, example.Input, example.Output, example.IsSafe)).ToArray();
            }).ToArray();
            Assert.All(read, examples => Assert.Equal(read[0], examples));
            Assert.Equal(rows.Length, read[0].Length);
        }
    }

    [Theory]
    [InlineData("2")]
    [InlineData("0.5")]
    [InlineData("-1")]
    [InlineData("null")]
    [InlineData("\"maybe\"")]
    [InlineData("[1]")]
    public void What_is_no_label_is_refused_with_file_row_and_field(string label)
    {
        using var file = new TempFile(
            "x.jsonl", $$"""{"sentence":"s","label":1}{{"\n"}}{"sentence":"s","label":{{label}}}""");
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Sst2));
        Assert.Equal(("x.jsonl", 2, "label"), (error.File, error.Row, error.Field));
    }

    private static (string Output, bool? IsSafe, string? Label) Expected(string task, int value) => task switch
    {
        "sst2" => (value == 1 ? "positive" : "negative", null, $"{value}"),
        "ag_news" => (News[value], null, $"{value}"),
        _ => ("answer", value == 1, null),
    };

    private static (string Task, string[] Columns, object[] Row, object[][] Spellings)[] Tasks() =>
    [
        ("sst2", ["sentence", "label"], ["a text, with \u00e9"],
            [[0L, 1L], [0.0, 1.0], [false, true], ["0", "1"], ["0.0", "1.0"], ["negative", "positive"],
                ["Negative", "POSITIVE"]]),
        ("ag_news", ["text", "label"], ["a text, with \u00e9"],
            [[0L, 1L, 2L, 3L], [0.0, 1.0, 2.0, 3.0], ["0", "1", "2", "3"],
                ["world", "Sports", "BUSINESS", "Sci/Tech"]]),
        ("beavertails", ["prompt", "response", "is_safe"], ["a text, with \u00e9", "answer"],
            [[false, true], [0L, 1L], [0.0, 1.0], ["False", "True"], ["0", "1"], ["unsafe", "safe"], ["no", "yes"]]),
    ];
}
