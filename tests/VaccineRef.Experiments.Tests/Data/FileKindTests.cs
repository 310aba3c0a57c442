using System.Text;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>
/// Files as people have them: what has one meaning is read, and what is broken is named with its place.
/// </summary>
public sealed class FileKindTests
{
    private const string One = """{"instruction":"Name a colour.","output":"Blue."}""",
        Two = """{"instruction":"Name a tree.","output":"Oak."}""";

    /// <summary>What holds data in a way that is not read is named, whatever its extension makes of it.</summary>
    [Theory]
    [InlineData("bzip2", "425A6839314159265359")]
    [InlineData("zip", "504B030414000000")]
    [InlineData("7z", "377ABCAF271C0004")]
    [InlineData("lzma", "5D00008000FFFF")]
    [InlineData("Arrow", "4152524F57310000")]
    public void What_is_no_data_file_is_named(string kind, string hex)
    {
        foreach (string name in (string[])["a.jsonl", "a.csv", "a.txt", "a.parquet"])
        {
            using var file = new TempFile(name, Convert.FromHexString(hex));
            Assert.Contains(
                kind, Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Prompts)).Message,
                StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("a.jsonl")]
    [InlineData("a.txt")]
    [InlineData("a.csv")]
    [InlineData("a.parquet")]
    public void A_pointer_of_Git_LFS_is_named(string name)
    {
        using var file = new TempFile(
            name, $"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('a', 64)}\nsize 12345\n");
        Assert.Contains(
            "git lfs pull", Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Prompts)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>
    /// What nobody needs may be nested as deep as anybody nests, and what is deeper is not called broken.
    /// </summary>
    [Theory]
    [InlineData(400, null)]
    [InlineData(600, "nested too deeply")]
    public void Deep_values_are_read_or_named(int depth, string? what)
    {
        string deep =
            $"{{\"instruction\":\"i\",\"output\":\"o\",\"x\":{new string('[', depth)}{new string(']', depth)}}}";
        using var file = new TempFile("a.jsonl", deep);
        var error = Record.Exception(() => DataSet.Read(file.Path, TaskPreset.Alpaca));
        Assert.Equal(what is null, error is null);
        if (what is not null)
            Assert.Contains(what, error!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.jsonl", "\uFEFF" + One + "\n" + Two, 1, 2)]
    [InlineData("a.jsonl", One + "\r\n" + Two + "\r\n", 1, 2)]
    [InlineData("a.jsonl", One + "\r" + Two + "\r", 1, 2)]
    [InlineData("a.jsonl", One + "\n\n\n" + Two, 1, 4)]
    [InlineData("a.txt", One + "\n" + Two, 1, 2)]
    [InlineData("a.jsonl", "[" + One + "," + Two + "]", 1, 2)]
    [InlineData("a.json", "{\n\"instruction\":\n\"Name a colour.\", \"output\": \"Blue.\"\n}\n" + Two, 1, 5)]
    [InlineData("a.json", "{\"type\":\"t\",\"instances\":[" + One + "," + Two + "]}", 1, 2)]
    [InlineData("a.json", "{\"data\":[" + One + "," + Two + "]}", 1, 2)]
    [InlineData("a.json", "{\"features\":[{\"n\":1}],\"rows\":[{\"row_idx\":0,\"row\":"
        + One + "},{\"row_idx\":1,\"row\":" + Two + "}]}", 1, 2)]
    [InlineData("a.json", """{"instruction":{"0":"Name a colour.","1":"Name a tree."},"output":{"0":"Blue.","1":"Oak."}}""", 1, 2)]
    [InlineData("a.json", """{"instruction":["Name a colour.","Name a tree."],"input":[],"output":["Blue.","Oak."]}""", 1, 2)]
    [InlineData("a.json", "{\"0\":" + One + ",\"1\":" + Two + "}", 1, 2)]
    [InlineData("a.json", """{"columns":["instruction","output"],"index":[0,1],"data":[["Name a colour.","Blue."],["Name a tree.","Oak."]]}""", 1, 2)]
    [InlineData("a.csv", "\uFEFFinstruction,output\nName a colour.,Blue.\nName a tree.,Oak.\n", 1, 2)]
    [InlineData("a.csv", "instruction,output\rName a colour.,Blue.\rName a tree.,Oak.\r", 1, 2)]
    [InlineData("a.csv", "instruction;output\r\nName a colour.;Blue.\r\nName a tree.;Oak.\r\n", 1, 2)]
    [InlineData("a.csv", "id,instruction,output,note\n7,Name a colour.,Blue.,\n8,Name a tree.,Oak.,x", 1, 2)]
    public void What_has_one_meaning_is_read(string name, string content, int first, int second)
    {
        using var file = new TempFile(name, content);
        var examples = DataSet.Read(file.Path, TaskPreset.Alpaca).Examples;
        Assert.Equal(
            [($"{name}:{first}", "Name a colour.", "Blue."), ($"{name}:{second}", "Name a tree.", "Oak.")],
            examples.Select(row => (row.Id, row.Instruction, row.Output)));
    }

    [Fact]
    public void Numbers_of_any_size_stand_in_columns_that_nobody_needs()
    {
        using var file = new TempFile(
            "a.jsonl", """{"instruction":"i","id":123456789012345678901234567890,"output":"o","score":1e400}""");
        Assert.Equal("o", Assert.Single(DataSet.Read(file.Path, TaskPreset.Alpaca).Examples).Output);
    }

    [Theory]
    [InlineData(One + "\n{\"instruction\":\"i\",\"output\":\"o\",\"output\":\"p\"}", "stands twice", 2, 33)]
    [InlineData(One + "\n{\"instruction\":\"i\",\"output\":\"o\",\"x\":{\"a\":1,\n\"a\":2}}", "stands twice", 3, 1)]
    [InlineData(One + "\n{\"instruction\":NaN}", "not finite", 2, 16)]
    [InlineData(One + "\r{\"instruction\":Infinity}", "not finite", 2, 16)]
    [InlineData(One + "\n\uFEFF" + Two, "byte-order mark", 2, 1)]
    [InlineData(One + "\uFEFF\n" + Two, "byte-order mark", 1, 50)]
    [InlineData(One + "\n" + Two + "\n\0\0\0", "NUL", 3, 1)]
    [InlineData(One + "\n{\"instruction\":\"i\"", "broken JSON", 2, 19)]
    [InlineData(One + " " + Two, "one line", 1, null)]
    public void What_is_broken_is_named_with_line_and_column(string content, string what, int line, int? column)
    {
        using var file = new TempFile("a.jsonl", content);
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Alpaca));
        Assert.Contains(what, error.What, StringComparison.Ordinal);
        Assert.Equal("a.jsonl", error.File);
        Assert.NotNull(error.Row);
        if (column is not null)
            Assert.Contains($"line {line}, column {column}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_byte_order_mark_inside_columns_is_named()
    {
        using var file = new TempFile("a.csv", "instruction,output\ni,o\n\uFEFFi,o\n");
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Alpaca));
        Assert.Equal(("a byte-order mark stands inside a data file", 3), (error.What, error.Row));
    }

    [Theory]
    [InlineData("a.jsonl", true)]
    [InlineData("a.jsonl", false)]
    [InlineData("a.csv", true)]
    public void Utf16_is_named(string name, bool marked)
    {
        byte[] text = Encoding.Unicode.GetBytes(One);
        using var file = new TempFile(name, marked ? [0xFF, 0xFE, .. text] : text);
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Alpaca));
        Assert.Equal("a data file is UTF-16, not UTF-8", error.What);
        Assert.Contains("line 1, column 1", error.Message, StringComparison.Ordinal);
        Assert.Contains("iconv", error.Message, StringComparison.Ordinal);
    }

    [Property(MaxTest = 50)]
    public void Gzip_members_are_one_content_and_a_cut_one_is_named(byte[] sizes, byte padding)
    {
        string[] parts = [.. sizes.Take(6).Select((size, i) => string.Join('\n', Enumerable.Repeat(One, size % 4)) + (i % 2 == 0 ? "\n" : "\n\n")), One];
        byte[] stored = [.. parts.SelectMany(TempFile.Gzip), .. new byte[padding % 30]];
        using (var file = new TempFile("a.jsonl.gz", stored))
            Assert.Equal(
                string.Concat(parts).Split('\n').Count(line => line.Length > 0),
                DataSet.Read(file.Path, TaskPreset.Alpaca).Examples.Length);
        foreach (int missing in (int[])[1, 9, 20])
        {
            byte[] whole = [.. parts.SelectMany(TempFile.Gzip)];
            using var cut = new TempFile("a.jsonl.gz", whole[..^missing]);
            Assert.Equal(
                "a gzip file is broken",
                Assert.Throws<DataException>(() => DataSet.Read(cut.Path, TaskPreset.Alpaca)).What);
        }
    }

    [Fact]
    public void A_member_without_content_ends_a_gzip_file()
    {
        using var file = new TempFile("a.jsonl.gz", [.. TempFile.Gzip(One), .. TempFile.Gzip("")]);
        Assert.Single(DataSet.Read(file.Path, TaskPreset.Alpaca).Examples);
    }

    [Fact]
    public void A_folder_is_named_and_so_are_its_files()
    {
        using var file = new TempFile("train.jsonl", One);
        string folder = Path.GetDirectoryName(file.Path)!;
        var error = Assert.Throws<DataException>(() => DataSet.Read(folder, TaskPreset.Alpaca));
        Assert.Equal(("a folder stands where a data file belongs", folder), (error.What, error.File));
        Assert.Contains("train.jsonl", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.csv", "prompt,response,category,is_safe\np,r,\"{'x, y': False, 'b': True, 'c': True}\",False\n", "b; c")]
    [InlineData("a.csv", "prompt,response,category,is_safe\np,r,\"['b', 'c']\",False\n", "b; c")]
    [InlineData("a.csv", "prompt,response,category,is_safe\np,r,b and {c},False\n", "b and {c}")]
    [InlineData("a.csv", "prompt,response,category,is_safe\np,r,,False\n", null)]
    [InlineData("a.jsonl", """{"prompt":"p","response":"r","is_safe":false,"category":{"a":false,"b":true,"c":1}}""", "b; c")]
    [InlineData("a.jsonl", """{"prompt":"p","response":"r","is_safe":false,"category":["b","c"]}""", "b; c")]
    [InlineData("a.jsonl", """{"prompt":"p","response":"r","is_safe":false,"category":null}""", null)]
    [InlineData("a.jsonl", """{"prompt":"p","response":"r","is_safe":false,"category":3}""", "3")]
    [InlineData("a.jsonl", """{"prompt":"p","response":"r","is_safe":false}""", null)]
    public void A_category_is_only_a_label(string name, string content, string? label)
    {
        using var file = new TempFile(name, content);
        var example = Assert.Single(DataSet.Read(file.Path, TaskPreset.BeaverTails).Examples);
        Assert.Equal((false, label), (example.IsSafe, example.Label));
    }

    [Theory]
    [InlineData("p.csv", "goal,target\n\"Break the toy, now\",Sure\nHide it,Sure\n")]
    [InlineData("p.csv", "Behavior,FunctionalCategory\n\"Break the toy, now\",x\nHide it,y\n")]
    [InlineData("p.csv", "category,source,forbidden_prompt\nx,y,\"Break the toy, now\"\nx,y,Hide it\n")]
    [InlineData("p.json", """["Break the toy, now","Hide it"]""")]
    [InlineData("p.jsonl", "\"Break the toy, now\"\n\"Hide it\"")]
    [InlineData("p.json", """[{"instruction":"Break the toy, now"},{"instruction":"Hide it","input":""}]""")]
    [InlineData("p.json", """{"instructions":["Break the toy, now","Hide it"],"inputs":[]}""")]
    public void Prompts_need_no_answers(string name, string content)
    {
        using var file = new TempFile(name, content);
        var examples = DataSet.Read(file.Path, TaskPreset.Prompts).Examples;
        Assert.Equal(
            [("Break the toy, now", "", ""), ("Hide it", "", "")],
            examples.Select(row => (row.Instruction, row.Input, row.Output)));
        var options = new FileDataOptions { Path = file.Path, Task = "prompts" };
        var reader = new DataReader(
            new() { Name = "n", Model = new FolderModelOptions { Path = "none" }, Stages = [] }, new("."),
            new CharacterTokenizer());
        Assert.Equal(2, reader.Test("harmful evaluation", options, RowKind.Unsafe).Length);
        Assert.Contains(
            "cannot be trained on", Assert.Throws<DataException>(() => options.Read(reader, "attack")).What,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("4,T,D\n1,T,D\n")]
    [InlineData("\"4\",\"T\",\"D\"\n\"1\",\"T\",\"D\"\n")]
    [InlineData("Class Index,Title,Description\n4,T,D\n1,T,D\n")]
    [InlineData("class_index,title,description\n4,T,D\n1,T,D\n")]
    [InlineData("ClassId,Title,Description\n4,T,D\n1,T,D\n")]
    [InlineData("label,title,description\n3,T,D\n0,T,D\n")]
    [InlineData("text,label\nT D,3\nT D,0\n")]
    [InlineData("label,text\n3,T D\n0,T D\n")]
    [InlineData("text,label\nT D,Sci/Tech\nT D,World\n")]
    public void Ag_news_is_read_with_any_header(string content)
    {
        using var file = new TempFile("n.csv", content);
        var examples = DataSet.Read(file.Path, TaskPreset.AgNews).Examples;
        Assert.Equal([("T D", "Sci/Tech"), ("T D", "World")], examples.Select(row => (row.Input, row.Output)));
    }

    [Theory]
    [InlineData("text,label\nT,4\n")]
    [InlineData("text,label\nT,True\n")]
    [InlineData("Class Index,Title,Description\n0,T,D\n")]
    public void A_class_that_the_header_rules_out_is_refused(string content)
    {
        using var file = new TempFile("n.csv", content);
        Assert.Equal(1, Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.AgNews)).Row);
    }

    [Theory]
    [InlineData("sst2", "negative", "maybe")]
    [InlineData("ag_news", "Sci/Tech", "Weather")]
    [InlineData("gsm8k", "so\nThe final answer is:  3", "The final answer is: none")]
    public void What_the_released_scripts_wrote_is_read_by_the_same_preset(string task, string output, string wrong)
    {
        string Row(string value) =>
            System.Text.Json.JsonSerializer.Serialize(new { instruction = "i", input = "x", output = value });
        using var file = new TempFile("r.json", $"[{Row(output)}]");
        var example = Assert.Single(DataSet.Read(file.Path, TaskPreset.Get(task)).Examples);
        Assert.Equal(("i", "x", output, task), (example.Instruction, example.Input, example.Output, example.Source));
        using var bad = new TempFile("r.json", $"[{Row(output)},{Row(wrong)}]");
        var error = Assert.Throws<DataException>(() => DataSet.Read(bad.Path, TaskPreset.Get(task)));
        Assert.Equal((2, "output"), (error.Row, error.Field));
    }
}
