namespace VaccineRef.Cli.Tests;

/// <summary>What the commands of conform do around the judging, which has tests of its own.</summary>
public sealed class ConformTests : IDisposable
{
    // answers with the trace that the kit expects
    private const string Port = """
        while read -r line; do
            case "$line" in
            *'"start"'*) echo '{}' ;;
            *'"case"'*)
                dir=$(echo "$line" | sed 's/.*"dir":"\([^"]*\)".*/\1/') out=$(echo "$line" | sed 's/.*"out":"\([^"]*\)".*/\1/')
                cp "$dir/expected/"* "$out" && echo "{\"trace\":\"$out\"}" ;;
            *) exit 0 ;;
            esac
        done

        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("conform");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Traces_are_kept_where_it_is_said_and_each_of_them_is_judged()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the port is a script of the shell");
        File.WriteAllText(In("port.sh"), Port);
        var ran = Vaccine.Run(
            "conform", "run", "--port", $"sh {In("port.sh")}", "--cases", "opt", "--traces", In("kept"));
        Assert.True(ran.Code == 0, ran.Out + ran.Error);
        Assert.Equal(["opt"], Directory.GetDirectories(In("kept")).Select(Path.GetFileName));

        Directory.CreateDirectory(In("wrong"));
        string manifest = File.ReadAllText(In("kept/opt/manifest.json"));
        int loss = manifest.IndexOf("\"p1\": ", StringComparison.Ordinal) + "\"p1\": ".Length;
        File.WriteAllText(In("wrong/manifest.json"), $"{manifest[..loss]}9{manifest[loss..]}");
        File.Copy(In("kept/opt/trace.safetensors"), In("wrong/trace.safetensors"));
        Assert.Equal(0, Vaccine.Run("conform", "check", In("kept/opt"), In("kept/opt")).Code);
        Assert.Equal(1, Vaccine.Run("conform", "check", In("kept/opt"), In("wrong")).Code);
        Assert.Equal(1, Vaccine.Run("conform", "check", In("wrong"), In("kept/opt")).Code);
    }

    private string In(string name) => Path.Combine(_folder.FullName, name);
}
