using VaccineRef.Core;

namespace VaccineRef.Models.Tests;

public sealed class AtomicFileTests
{
    [Property]
    public void The_new_content_replaces_the_old(string before, string after)
    {
        using var folder = new TempFolder();
        AtomicFile.WriteText(folder.File("a/b/x.txt"), before ?? "");
        AtomicFile.WriteText(folder.File("a/b/x.txt"), after ?? "");
        var expected = System.Text.Encoding.UTF8.GetBytes(after ?? "");
        Assert.Equal(expected, File.ReadAllBytes(folder.File("a/b/x.txt")));
        Assert.Single(Directory.GetFileSystemEntries(folder.File("a/b")));
    }

    [Fact]
    public void A_failing_writer_leaves_the_old_content_and_nothing_else()
    {
        using var folder = new TempFolder();
        var path = folder.Write("x.txt", "old");
        var thrown = new InvalidOperationException("on purpose");
        Assert.Same(thrown, Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half of the n"u8);
            stream.Flush();
            throw thrown;
        })));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal(["x.txt"], folder.Names());
    }

    [Fact]
    public void A_full_disk_becomes_an_error_that_names_the_file_and_the_room()
    {
        using var folder = new TempFolder();
        var path = folder.Write("x.txt", "old");
        var full = new IOException("No space left on device");
        var error = Assert.Throws<InputException>(() => AtomicFile.Write(path, _ => throw full));
        Assert.Same(full, error.InnerException);
        Assert.Equal(path, error.Where);
        Assert.Contains("No space left on device", error.Message);
        Assert.Contains("GB free", error.Message);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal(["x.txt"], folder.Names());
    }

    [Fact]
    public void A_really_full_device_is_refused_too()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "this system has no /dev/full");
        using var folder = new TempFolder();
        Assert.Throws<InputException>(() => AtomicFile.Write(folder.File("x.txt"), _ =>
        {
            using var full = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            RandomAccess.Write(full, "x"u8, 0);
        }));
        Assert.Empty(folder.Names());
    }

    [Fact]
    public void A_folder_in_the_way_is_refused()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("x.txt"));
        Assert.Throws<InputException>(() => AtomicFile.WriteText(folder.File("x.txt"), "new"));
        Assert.Equal(["x.txt"], folder.Names());
    }

    [Fact]
    public void A_tensor_that_does_not_fit_leaves_the_old_checkpoint()
    {
        using var folder = new TempFolder();
        var path = folder.File("x.safetensors");
        SafetensorsWriter.Write(path, [One(TensorType.F16, 1f)]);
        var old = File.ReadAllBytes(path);
        Assert.Throws<CheckpointException>(() =>
            SafetensorsWriter.Write(path, [One(TensorType.F16, 1e6f)]));
        Assert.Equal(old, File.ReadAllBytes(path));
        Assert.Equal(["x.safetensors"], folder.Names());
    }

    [Fact]
    public void A_file_may_be_replaced_while_it_is_mapped()
    {
        using var folder = new TempFolder();
        var path = folder.File("x.safetensors");
        SafetensorsWriter.Write(path, [One(TensorType.F32, 1f)]);
        using var open = SafetensorsFile.Open(path);
        SafetensorsWriter.Write(path, [One(TensorType.F32, 2f)]);
        var value = new float[1];
        open.Read<float>("x", value);
        Assert.Equal([1f], value);
    }

    [Fact]
    public void A_folder_appears_whole_or_not_at_all()
    {
        using var folder = new TempFolder();
        var path = folder.File("run");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.WriteFolder(path, temporary =>
        {
            File.WriteAllText(Path.Combine(temporary, "config.json"), "{}");
            Assert.False(Directory.Exists(path));
            throw new InvalidOperationException();
        }));
        Assert.Empty(folder.Names());

        Directory.CreateDirectory(path);
        AtomicFile.WriteFolder(path, temporary => File.WriteAllText(Path.Combine(temporary, "config.json"), "{}"));
        Assert.Equal(["run"], folder.Names());
        Assert.Equal("{}", File.ReadAllText(Path.Combine(path, "config.json")));

        Assert.Throws<InputException>(() => AtomicFile.WriteFolder(path, _ => Assert.Fail("the folder is not empty")));
        Assert.Equal("{}", File.ReadAllText(Path.Combine(path, "config.json")));
    }

    /// <summary>
    /// Of all that lies in a folder, files and folders alike, only what this program left of its own targets is
    /// removed, and only if nobody is writing it: not what another left of other files, nor what has such a name but
    /// for a part.
    /// </summary>
    [Property]
    public void Only_leftovers_of_own_targets_that_are_dead_are_removed(bool isFolder, bool othersWrite)
    {
        string[] own = [Leftover("a.json"), Leftover("b")];
        string[] others =
        [
            "a.json", "b", Leftover("c"), Leftover("xa.json"), Leftover("a.json.old"), Leftover("a.json")[1..],
            Leftover("a.json")[..^4],
            Leftover("a.json")[..^5] + ".tmp", ".a.json.tmp", ".tmp", "notes.tmp",
        ];
        using var folder = new TempFolder();
        foreach (string name in own.Concat(others))
        {
            if (isFolder)
                Directory.CreateDirectory(folder.File(name));
            folder.Write(isFolder ? $"{name}/x" : name, "kept");
        }

        AtomicFile.RemoveLeftovers(
            folder.Path, name => name is "a.json" or "b",
            othersWrite ? path => Path.GetFileName(path) == own[0] : null);
        Assert.Equal(others.Concat(othersWrite ? own[1..] : []).Order(), folder.Names().Order());
        AtomicFile.RemoveLeftovers(folder.File("nowhere"), _ => true);
    }

    private static string Leftover(string name) => $".{name}.{Guid.NewGuid():N}.tmp";

    private static TensorData One(TensorType type, float value) =>
        TensorData.Floats<float>("x", type, [1], new[] { value });
}
