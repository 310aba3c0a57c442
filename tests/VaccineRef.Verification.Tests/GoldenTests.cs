using VaccineRef.Core;

namespace VaccineRef.Verification.Tests;

/// <summary>
/// Computes again what PyTorch and the official trainer computed, and shows that a wrong weight would be noticed.
/// </summary>
public sealed class GoldenTests : IDisposable
{
    private readonly CpuDevice _device = new(2);

    public static TheoryData<string> Cases =>
        [.. GoldenVerifier<double>.Cases(Folder).Select(path => Path.GetFileName(path)!)];

    private static string Folder
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder.FullName, "VaccineRef.sln")))
                folder = folder.Parent
                    ?? throw new InvalidOperationException("The tests run outside of their repository.");
            return Path.Combine(folder.FullName, "tests", "golden");
        }
    }

    public void Dispose() => _device.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_number_in_double(string name) =>
        RequireAll(new GoldenVerifier<double>(_device).Verify(Path.Combine(Folder, name)));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_number_in_float(string name) =>
        RequireAll(new GoldenVerifier<float>(_device).Verify(Path.Combine(Folder, name)));

    [Fact]
    public void One_wrong_weight_is_seen()
    {
        string smallest = GoldenVerifier<double>.Cases(Folder)
            .MinBy(path => Directory.GetFiles(path).Sum(file => new FileInfo(file).Length))!;
        var copy = Directory.CreateTempSubdirectory("golden");
        try
        {
            foreach (string file in Directory.GetFiles(smallest))
                File.Copy(file, Path.Combine(copy.FullName, Path.GetFileName(file)));
            string model = Path.Combine(copy.FullName, "model.safetensors");
            byte[] bytes = File.ReadAllBytes(model);
            bytes[^1] ^= 0x80;                                  // the sign of the last element of the last tensor
            File.WriteAllBytes(model, bytes);
            var comparisons = new GoldenVerifier<double>(_device).Verify(copy.FullName);
            string[] failed = [.. comparisons.Where(comparison => !comparison.Passed)
                .Select(comparison => comparison.Quantity)];
            Assert.Contains("logits", failed);
            Assert.Contains("plain gradients", failed);
            Assert.Contains(failed, quantity => quantity.StartsWith("vaccine", StringComparison.Ordinal));
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }

    private static void RequireAll(IReadOnlyList<Comparison> comparisons)
    {
        Assert.NotEmpty(comparisons);
        Assert.All(comparisons, comparison => Assert.True(comparison.Passed, $"{comparison}"));
    }
}
