using System.Diagnostics;

namespace VaccineRef.Cli.Tests;

/// <summary>What a shell shows when somebody presses the tabulator key.</summary>
public sealed class CompletionTests
{
    [Theory]
    [InlineData("vaccine confo", "conform")]
    [InlineData("vaccine conform run --ki", "--kit")]
    [InlineData("vaccine init --preset harmful-r", "harmful-ratio")]
    [InlineData("vaccine conform nonsen", "")]
    public void Bash_completes_a_word(string line, string expected)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the shell of this test is bash");
        string program = Path.Combine(AppContext.BaseDirectory, "vaccine.dll");
        string script = $$"""
            vaccine() { dotnet '{{program}}' "$@"; }
            eval "$(vaccine completion)"
            COMP_LINE='{{line}}' COMP_POINT={{line.Length}} COMP_WORDS=({{line}}) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _vaccine
            printf '%s' "${COMPREPLY[*]}"
            """;
        using var bash = Process.Start(new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardOutput = true })!;
        Assert.Equal(expected, bash.StandardOutput.ReadToEnd());
        bash.WaitForExit();
        Assert.Equal(0, bash.ExitCode);
    }
}
