namespace VaccineRef.Core.Tests;

/// <summary>A file that is mapped is read where it lies, and is let go of when it is disposed of.</summary>
public sealed class MappedFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void A_slice_is_what_stands_there_and_ends_with_the_mapping()
    {
        File.WriteAllBytes(_path, [1, 2, 3, 4, 5]);
        var file = new MappedFile(_path);
        Assert.Equal((byte[])[2, 3, 4], file.Slice(1, 3).ToArray());
        Assert.Equal(0, file.Slice(5, 0).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(3, 3).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(-1, 1).Length);
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Slice(0, 1).Length);
    }
}
