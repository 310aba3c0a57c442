using VaccineRef.Core;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>
/// A model in a cache is told from another one, and what its sums name is never looked for elsewhere.
/// </summary>
public sealed class KeptSumsTests : IDisposable
{
    private const string Adapter = "adapter", Weights = "adapter_model.safetensors";

    private readonly string _folder = Directory.CreateTempSubdirectory("vaccineref-").FullName;

    public KeptSumsTests()
    {
        Directory.CreateDirectory(Path.Combine(_folder, Adapter));
        File.WriteAllText(In(Weights), "weights");
        File.WriteAllText(In("adapter_config.json"), "{}");
        KeptSums.Write(_folder, Adapter);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_written_is_accepted_with_files_of_others_beside()
    {
        File.WriteAllText(In(".nfs0001"), "a file system's");
        KeptSums.Require(_folder, Adapter);
    }

    [Fact]
    public void Another_file_a_missing_one_and_one_more_are_refused()
    {
        File.WriteAllText(In(Weights), "other weights");
        Refused(Weights);
        File.Delete(In(Weights));
        Refused(Weights);
        File.WriteAllText(In(Weights), "weights");
        File.WriteAllText(In("model-00002.safetensors"), "more weights");
        Refused("model-00002.safetensors");
    }

    // the sums decide what is checked: altered ones may not leave anything out, nor lead out of the folder
    [Theory]
    [InlineData("")]
    [InlineData("\0")]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  adapter/\0")]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  ../outside")]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  /dev/null")]
    public void Sums_that_are_not_those_of_the_model_are_refused(string sums)
    {
        File.WriteAllText(Path.Combine(_folder, KeptSums.FileName), sums);
        Refused("");
    }

    private void Refused(string file) =>
        Assert.Contains(
            file, Assert.Throws<InputException>(() => KeptSums.Require(_folder, Adapter)).Where,
            StringComparison.Ordinal);

    private string In(string name) => Path.Combine(_folder, Adapter, name);
}
