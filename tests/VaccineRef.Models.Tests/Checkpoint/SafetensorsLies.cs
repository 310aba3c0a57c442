using static VaccineRef.Models.Tests.RawSafetensors;

namespace VaccineRef.Models.Tests;

/// <summary>Headers that lie, one lie each, and what is said about them.</summary>
public sealed class SafetensorsLies
{
    private static readonly byte[] Data = new byte[8];

    public static TheoryData<string, byte[], string> Lies => new()
    {
        { "empty file", [], "too short" },
        { "seven bytes", new byte[7], "too short" },
        { "header longer than the file", File("{}", [], 3), "header length" },
        { "header of 2^64 - 1 bytes", File("{}", [], ulong.MaxValue), "header length" },
        { "header of 2^63 bytes", File("{}", [], 1UL << 63), "header length" },
        { "no JSON", File("pickle", []), "not JSON" },
        { "no header at all", File("", []), "not JSON" },
        { "blank before the brace", File(" {}", []), "not JSON" },
        { "a byte that is no UTF-8", [4, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'"', 0xFF, (byte)'"'], "not JSON" },
        { "JSON cut short", File("{\"x\":", []), "not the JSON" },
        { "two JSON values", File("{}{}", []), "not the JSON" },
        { "a comment", File("{/* x */}", []), "not the JSON" },
        { "half a surrogate pair", File("{\"\\ud800\":1}", []), "not the JSON" },
        { "an entry that is a number", File("{\"x\":1}", []), "not an object" },
        { "metadata that is no table", File("{\"__metadata__\":[]}", []), "not an object" },
        { "metadata with a number", File("{\"__metadata__\":{\"a\":1}}", []), "table of strings" },
        { "metadata key twice", File("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", []), "table of strings" },
        { "metadata twice", File("{\"__metadata__\":{},\"__metadata__\":{}}", []), "twice" },
        { "no dtype", File("{\"x\":{\"shape\":[2],\"data_offsets\":[0,8]}}", Data), "incomplete" },
        { "no shape", File("{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", Data), "incomplete" },
        { "no offsets", File("{\"x\":{\"dtype\":\"F32\",\"shape\":[2]}}", Data), "incomplete" },
        { "three offsets", One("F32", "[2]", "[0,4,8]"), "incomplete" },
        { "dtype twice", File("{\"x\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", Data), "a field too many" },
        { "an unknown field", File("{\"x\":{\"stride\":1}}", Data), "a field too many" },
        { "unknown type", One("F8_E4M3", "[8]", "[0,8]"), "type this program does not read" },
        { "type in lower case", One("f32", "[2]", "[0,8]"), "type this program does not read" },
        { "negative extent", One("F32", "[-2]", "[0,8]"), "shape is wrong" },
        { "fractional extent", One("F32", "[2.0]", "[0,8]"), "shape is wrong" },
        { "extent beyond 64 bits", One("F32", "[99999999999999999999]", "[0,8]"), "shape is wrong" },
        { "shape that is a number", One("F32", "2", "[0,8]"), "not a list" },
        { "shape of lists", One("F32", "[[2]]", "[0,8]"), "shape is wrong" },
        { "element count that overflows", One("F32", "[4294967296,4294967296,4]", "[0,8]"), "disagree" },
        { "byte count that overflows", One("F64", "[2305843009213693952]", "[0,8]"), "disagree" },
        { "more elements than bytes", One("F32", "[3]", "[0,8]"), "disagree" },
        { "fewer elements than bytes", One("F32", "[1]", "[0,8]"), "disagree" },
        { "end before beginning", One("F32", "[2]", "[8,0]"), "disagree" },
        { "a terabyte that is not there", One("F32", "[274877906944]", "[0,1099511627776]"), "cut or too long" },
        { "data missing", One("F32", "[4]", "[0,16]"), "cut or too long" },
        { "data left over", One("F32", "[1]", "[0,4]"), "cut or too long" },
        { "hole at the start", One("F32", "[1]", "[4,8]"), "hole" },
        { "hole between", Two("[0,2]", "[6,8]"), "hole" },
        { "overlap", Two("[0,2]", "[1,3]"), "overlap" },
        { "the same bytes twice", Two("[0,2]", "[0,2]"), "overlap" },
        { "name twice", Two("[0,2]", "[2,4]", "x"), "twice" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_lie_is_refused_with_its_reason(string lie, byte[] bytes, string reason)
    {
        using var folder = new TempFolder();
        var path = folder.Write("lie.safetensors", bytes);
        var error = Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(path));
        Assert.Contains(reason, error.What);
        Assert.Contains(path, error.Message);
        Assert.NotEmpty(lie);
    }

    [Fact]
    public void A_header_above_the_limit_of_the_reference_is_refused()
    {
        using var folder = new TempFolder();
        using (var sparse = System.IO.File.Create(folder.File("big.safetensors")))
        {
            sparse.SetLength(100_000_100);
            sparse.Write(BitConverter.GetBytes(100_000_001L));
        }

        var error = Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(folder.File("big.safetensors")));
        Assert.Contains("at most 100000000", error.Message);
    }

    [Fact]
    public void A_hostile_name_does_not_flood_the_message()
    {
        using var folder = new TempFolder();
        var name = "\\u001b[31m" + new string('x', 1_000_000);
        var path = folder.Write("x.safetensors", File($"{{\"{name}\":1}}", []));
        var error = Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(path));
        Assert.InRange(error.Message.Length, 1, 2000);
        Assert.DoesNotContain('\u001b', error.Message);
    }

    [Fact]
    public void What_is_unusual_but_true_is_read()
    {
        using var folder = new TempFolder();
        // White space, entries against the order of their bytes, an empty tensor, a header that aligns nothing.
        var none = Entry("none", "F32", "[0,9]", "[1,1]");
        var header = $"{{ {Entry("b", "F16", "[1]", "[1,3]")} ,\n{none},{Entry("a", "U8", "[]", "[0,1]")}}} \n";
        using var file = SafetensorsFile.Open(folder.Write("x.safetensors", File(header, [7, 0, 0x3C])));
        Assert.Equal(["a", "none", "b"], file.Tensors.Keys);
        Assert.Equal([7], file.ReadIntegers("a"));
        var one = new float[1];
        file.Read<float>("b", one);
        Assert.Equal([1f], one);
        file.Read<float>("none", []);
    }

    [Fact]
    public void A_wrong_question_is_answered_with_what_there_is()
    {
        using var folder = new TempFolder();
        const string Name = "model.layers.0.mlp.up_proj.weight";
        var header = $"{{{Entry(Name, "F32", "[2]", "[0,8]")}}}";
        using var file = SafetensorsFile.Open(folder.Write("x.safetensors", File(header, Data)));
        var error = Assert.Throws<CheckpointException>(() => file.Read<float>(Name["model.".Length..], new float[2]));
        Assert.Contains($"nearest name is {Name}", error.Message);
        error = Assert.Throws<CheckpointException>(() => file.Read<float>(Name, new float[3]));
        Assert.Contains("F32 [2]", error.Message);
        Assert.Throws<CheckpointException>(() => file.Read<float>(Name, new float[1]));
        Assert.Throws<CheckpointException>(() => file.ReadIntegers(Name));
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Read<float>(Name, new float[2]));
    }

    private static byte[] One(string type, string shape, string offsets) =>
        File($"{{{Entry("x", type, shape, offsets)}}}", Data);

    private static byte[] Two(string first, string second, string name = "y") =>
        File($"{{{Entry("x", "F16", "[1]", first)},{Entry(name, "F16", "[1]", second)}}}", Data);
}
