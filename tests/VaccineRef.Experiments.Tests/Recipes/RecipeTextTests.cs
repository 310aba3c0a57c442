using System.Text;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Tests.Data;

namespace VaccineRef.Experiments.Tests.Recipes;

/// <summary>What is no text, or no JSON, is named with line and column.</summary>
public sealed class RecipeTextTests
{
    private const string Good =
        "{\n  // a comment\n  \"$schema\": \"recipe.schema.json\",\n  \"name\": \"é\", \"model\": \"m\",\n}\n";

    [Theory]
    [InlineData("{\n  \"name\": \"é\", \"name\": \"n\", \"model\": \"m\" }", "stands twice", "line 2, column 16")]
    [InlineData("{ \"name\": \"n\", \"model\": { \"kind\": \"folder\",\r\n\"kind\": \"folder\" } }", "stands twice", "line 2, column 1")]
    [InlineData("{\n\"name\": \"n\", \"model\": \"m\",\n \"seed\": NaN }", "not finite", "NaN at line 3, column 10")]
    [InlineData("{ \"seed\": -Infinity }", "not finite", "Infinity at line 1, column 12")]
    [InlineData("{ \"name\":\n \uFEFF\"n\" }", "not JSON", "byte-order mark inside the text at line 2, column 2")]
    [InlineData("{ \"name\":\n \"n\0\" }", "not JSON", "NUL byte at line 2, column 4")]
    [InlineData("{ \"name\": \"n\",\n \"model\" \"m\" }", "not JSON", "line 2, column 10")]
    [InlineData("{ \"name\": \"n\" } {", "not JSON", "line 1, column 17")]
    [InlineData("[]", "not JSON", "line 1, column 1")]
    [InlineData("{ \"$schema\": 1 }", "unknown key", "$schema")]
    public void What_is_wrong_is_named_with_its_place(string text, string what, string place)
    {
        using var file = new TempFile("recipe.json", text);
        var error = Assert.Throws<RecipeException>(() => RecipeFormat.Standard.Read(file.Path));
        Assert.Contains(what, error.What, StringComparison.Ordinal);
        Assert.Contains(place, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("utf-16", true)]
    [InlineData("utf-16", false)]
    [InlineData("utf-16BE", true)]
    [InlineData("utf-16BE", false)]
    public void Utf16_is_named(string encoding, bool marked)
    {
        var utf16 = Encoding.GetEncoding(encoding);
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, [.. marked ? utf16.GetPreamble() : [], .. utf16.GetBytes(Good)]);
        var error = Assert.Throws<RecipeException>(() => RecipeFormat.Standard.Read(path));
        File.Delete(path);
        Assert.Contains("UTF-16", error.What, StringComparison.Ordinal);
        Assert.Contains("line 1, column 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_byte_that_is_no_utf8_is_named()
    {
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, [.. "{\n \"name\": \""u8, 0xE9, .. "\" }"u8]);
        var error = Assert.Throws<RecipeException>(() => RecipeFormat.Standard.Read(path));
        File.Delete(path);
        Assert.Contains("no UTF-8 at line 2, column 11", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Comments_marks_and_the_name_of_the_schema_are_no_matter()
    {
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(Good)]);
        Assert.Equal("é", RecipeFormat.Standard.Read(path).Name);
        File.Delete(path);
    }
}
