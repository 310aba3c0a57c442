using System.Text.Json;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>
/// What a file says of its rows decides which of them are trained, and the share p is that of the rows trained.
/// </summary>
public sealed class TrainedRowsLaws : IDisposable
{
    private const int MaxLength = 200;
    private static readonly string TooLong = new('x', MaxLength);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vaccineref-");

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Rows are unsafe (u), safe (s), or either and too long to be trained on (U, S).</summary>
    [Property(MaxTest = 60)]
    public void The_reported_share_is_that_of_the_rows_trained(
        byte[] kinds, byte share, byte size, bool shuffled, ulong seed)
    {
        string rows = string.Concat(kinds.Select(kind => "usUS"[kind % 4])) + "us";
        decimal ratio = share % 11 / 10m;
        var counts = MixtureCounts.Of(ratio, 1 + (size % 8));
        Write("mixed.jsonl", rows);
        var sampling = shuffled ? Sampling.Shuffled : Sampling.FirstK;
        var options = new MixtureOptions
        {
            Harmful = Beaver("mixed.jsonl"),
            Benign = Beaver("mixed.jsonl"),
            HarmfulRatio = ratio,
            Samples = counts.Harmful + counts.Benign,
            Sampling = sampling,
        };
        var reader = Reader(Stage("attack", options), seed: seed);
        if (counts.Harmful > rows.Count(row => row == 'u') || counts.Benign > rows.Count(row => row == 's'))
        {
            Assert.Contains(
                "too few", Assert.Throws<DataException>(() => options.Read(reader, "attack")).What,
                StringComparison.Ordinal);
            return;
        }

        var data = options.Read(reader, "attack");
        Assert.Equal(data.Rows.Select(row => row.Id), data.Sequences.Select(row => row.Id));
        Assert.Equal(
            (counts.Harmful, counts.Benign),
            (data.Rows.Count(row => row.IsSafe == false), data.Rows.Count(row => row.IsSafe == true)));
        var stage = Assert.Single(reader.Manifest.Stages);
        Assert.Equal(counts, stage.Mixture);
        var pools = stage.Pools!.Value;
        Assert.Equal([counts.Harmful, counts.Benign], pools.Select(pool => pool.Trained));
        Assert.Equal([counts.Harmful, counts.Benign], pools.Select(pool => pool.Asked));
        Assert.All(pools, pool => Assert.Equal(pool.Drawn, pool.Dropped + pool.Trained));
        Assert.Equal(pools.Sum(pool => pool.Dropped), stage.Encoding!.Dropped.Length);
        Assert.Equal(rows.Count(char.IsLower) + rows.Count(char.IsUpper), pools[0].Found);
        Assert.Equal(rows.Count(row => char.ToLowerInvariant(row) == 's'), pools[0].OtherKind);
    }

    [Fact]
    public void Before_the_attack_only_safe_rows_are_trained()
    {
        Write("mixed.jsonl", "usUSssu");
        var align = Stage("align", Beaver("mixed.jsonl"));
        var reader = Reader(align, Stage("attack", Beaver("mixed.jsonl")));
        Assert.Equal(["mixed.jsonl:2", "mixed.jsonl:5", "mixed.jsonl:6"], reader.Training(align).Select(row => row.Id));
        Assert.All(reader.Stage(align).Rows, row => Assert.True(row.IsSafe));
        var counts = Assert.Single(Assert.Single(reader.Manifest.Stages).Pools!.Value);
        Assert.Equal(
            new("align", "mixed.jsonl", RowKind.Safe, 7, OtherKind: 3, Asked: 4, Drawn: 4, Dropped: 1, Trained: 3),
            counts);
    }

    [Fact]
    public void Nothing_is_left_out_where_the_role_of_a_stage_is_not_known()
    {
        Write("mixed.jsonl", "usus");
        var attack = Stage("attack", Beaver("mixed.jsonl"));
        var later = Stage("later", Beaver("mixed.jsonl"));
        var reader = Reader(Stage("align", Beaver("mixed.jsonl")), attack, later);
        Assert.Equal(4, reader.Training(attack).Count);
        Assert.Equal(4, reader.Training(later).Count);
    }

    [Fact]
    public void Without_labels_nothing_is_left_out()
    {
        Write("mixed.jsonl", "usus");
        var all = new FileDataOptions { Path = "mixed.jsonl", Fields = new("prompt", "response") };
        var align = Stage("align", all);
        var reader = Reader(align);
        Assert.Equal(4, reader.Training(align).Count);
        Assert.Equal(4, reader.Manifest.Stages[0].Pools!.Value[0].Unlabelled);
        var mixture =
            new MixtureOptions { Harmful = all with { Count = 2 }, Benign = all, HarmfulRatio = 1, Samples = 2 };
        Assert.Equal(["mixed.jsonl:1", "mixed.jsonl:2"], mixture.Read(reader, "attack").Rows.Select(row => row.Id));
    }

    [Theory]
    [InlineData("ssss", "harmful", "4 rows; 4 labelled safe; 0 left")]
    [InlineData("uuu", "benign", "3 rows; 3 labelled unsafe; 0 left")]
    [InlineData("usUs", "harmful", "1 with a prompt that fills max_length")]
    public void A_kind_that_is_lacking_is_named_with_its_counts(string rows, string name, string found)
    {
        Write("mixed.jsonl", rows);
        var options = new MixtureOptions { Harmful = Beaver("mixed.jsonl"), Benign = Beaver("mixed.jsonl"), HarmfulRatio = 0.5m, Samples = 4 };
        var error = Assert.Throws<DataException>(() => options.Read(Reader(Stage("attack", options)), "attack"));
        Assert.Equal(($"too few {name} rows", "mixed.jsonl"), (error.What, error.File));
        Assert.Contains(found, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_alignment_without_safe_rows_is_refused()
    {
        Write("mixed.jsonl", "uuu");
        var align = Stage("align", Beaver("mixed.jsonl"));
        Assert.Contains(
            "3 labelled unsafe", Assert.Throws<DataException>(() => Reader(align).Training(align)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Harmful_questions_are_the_unsafe_rows_and_overlap_with_them_is_named()
    {
        Write("mixed.jsonl", "usus");
        var attack = Stage("attack", new MixtureOptions
        {
            Harmful = Beaver("mixed.jsonl"),
            Benign = Beaver("mixed.jsonl"),
            HarmfulRatio = 0.5m,
            Samples = 2,
        });
        var reader = Reader(new HeldOutOptions { Harmful = Beaver("mixed.jsonl") }, attack);
        Assert.Equal(["mixed.jsonl:1", "mixed.jsonl:3"], reader.HeldOut.Select(row => row.Id));
        var error = Assert.Throws<DataException>(() => reader.Training(attack));
        Assert.Contains("2 with a prompt of the evaluation", error.Message, StringComparison.Ordinal);
        Assert.Contains("evaluate on other prompts", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_that_are_mixed_in_are_as_many_as_asked()
    {
        Write("safe.jsonl", "SSsSss");
        var align = Stage("align", Beaver("safe.jsonl"));
        var attack = Stage("attack", Beaver("safe.jsonl")) with { MixedIn = new() { From = "align", Count = 3 } };
        Assert.Equal(
            ["safe.jsonl:3", "safe.jsonl:5", "safe.jsonl:6"],
            Reader(align, attack).Training(attack).TakeLast(3).Select(row => row.Id));
    }

    [Fact]
    public void Two_files_of_one_name_are_two_files()
    {
        Directory.CreateDirectory(Path.Combine(_folder.FullName, "a"));
        Directory.CreateDirectory(Path.Combine(_folder.FullName, "b"));
        Write("a/train.jsonl", "uuu");
        Write("b/train.jsonl", "sss");
        var options = new MixtureOptions
        {
            Harmful = Beaver("a/train.jsonl"),
            Benign = Beaver("b/train.jsonl"),
            HarmfulRatio = 0.5m,
            Samples = 6,
            Sampling = Sampling.Shuffled,
        };
        var reader = Reader(Stage("attack", options));
        Assert.Equal(6, options.Read(reader, "attack").Sequences.Count);
        Assert.Equal(6, reader.Manifest.Stages[0].Rows!.Value.Distinct().Count());

        File.Copy(Path.Combine(_folder.FullName, "a/train.jsonl"), Path.Combine(_folder.FullName, "b/copy.jsonl"));
        options = options with { Benign = new() { Path = "b/copy.jsonl", Fields = new("prompt", "response") } };
        Assert.Contains(
            "twice", Assert.Throws<DataException>(() => options.Read(reader, "attack")).What, StringComparison.Ordinal);
    }

    private static FileDataOptions Beaver(string path) => new() { Path = path, Task = "beavertails" };

    private static TrainStageOptions Stage(string name, DataOptions data) => new() { Name = name, Data = data };

    private DataReader Reader(params TrainStageOptions[] stages) => Reader(null, stages);

    private DataReader Reader(TrainStageOptions stage, ulong seed) => Reader(null, [stage], seed);

    private DataReader Reader(EvaluationOptions? evaluation, params TrainStageOptions[] stages) =>
        Reader(evaluation, stages, 0);

    private DataReader Reader(EvaluationOptions? evaluation, TrainStageOptions[] stages, ulong seed) => new(
        new()
        {
            Name = "made up",
            Model = new FolderModelOptions { Path = "none" },
            Stages = stages,
            Evaluation = evaluation,
            Seed = seed,
            MaxLength = MaxLength + 40,
        },
        new(_folder.FullName), new CharacterTokenizer());

    private void Write(string name, string rows) => File.WriteAllLines(
        Path.Combine(_folder.FullName, name),
        rows.Select((kind, i) => JsonSerializer.Serialize(new
        {
            prompt = $"question {i}{(char.IsUpper(kind) ? TooLong : "")}",
            response = "answer",
            is_safe = char.ToLowerInvariant(kind) == 's',
        })));
}
