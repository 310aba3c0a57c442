using System.Reflection;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>
/// The public signatures of every package stand in a file, so that a changed one is seen in review. CONTRIBUTING.md has
/// the command that writes them again after a change that is meant.
/// </summary>
public sealed class PublicSignatureTests
{
    private const StringComparison Ordinal = StringComparison.Ordinal;

    private const string Variable = "VACCINEREF_WRITE_SIGNATURES";

    private const string Command =
        $"{Variable}=1 dotnet test --project tests/VaccineRef.Cli.Tests -c Release "
        + $"--filter-class \"*{nameof(PublicSignatureTests)}\"";

    private static readonly string Folder =
        Path.Combine(Repository.Root, "tests", "VaccineRef.Cli.Tests", "Signatures");

    private static string[] Names =>
        [.. DependencyLine.Projects.Where(name => name != "Cli").Select(name => $"VaccineRef.{name}")];

    public static TheoryData<string> Packages => [.. Names];

    [Theory]
    [MemberData(nameof(Packages))]
    public void A_package_has_the_signatures_that_its_file_lists(string package)
    {
        string file = Path.Combine(Folder, $"{package}.txt");
        string[] found = [.. PublicSignatures.Of(Assembly.Load(package))];
        if (Environment.GetEnvironmentVariable(Variable) == "1")
            File.WriteAllText(file, string.Join('\n', found) + "\n");
        string[] listed = File.Exists(file) ? File.ReadAllLines(file) : [];
        string[] changes =
        [
            .. listed.Except(found).Select(line => $"- {line}"), .. found.Except(listed).Select(line => $"+ {line}"),
        ];
        Assert.True(
            found.SequenceEqual(listed),
            $"the signatures of {package} have changed; if that is meant: {Command}\n{string.Join('\n', changes)}");
    }

    [Fact]
    public void Every_file_is_of_a_package() =>
        Assert.Empty(Directory.GetFiles(Folder).Select(file => Path.GetFileNameWithoutExtension(file)).Except(Names));

    [Fact]
    public void Contributors_are_told_how_to_write_the_files_again() =>
        Assert.Contains(Command, File.ReadAllText(Path.Combine(Repository.Root, "CONTRIBUTING.md")), Ordinal);

    [Theory]
    [InlineData(typeof(Outline), """
        abstract record VaccineRef.Cli.Tests.PublicSignatureTests.Outline
          abstract string Kind { get; }
          protected Outline()
          protected Outline(PublicSignatureTests.Outline original)
        """)]
    [InlineData(typeof(Square), """
        sealed record VaccineRef.Cli.Tests.PublicSignatureTests.Square : PublicSignatureTests.Outline
          Square(int Rows, string? Name = default)
          int Rows { get; init; }
          override string Kind { get; }
          string? Name { get; init; }
        """)]
    [InlineData(typeof(Table<>), """
        class VaccineRef.Cli.Tests.PublicSignatureTests.Table<T> where T : unmanaged, IComparable<T>
          T this[int row] { get; }
          Table()
          bool Try(in T key, out IReadOnlyList<string?>? found, params int[] more)
          const double Half = 0.5
          protected virtual TOther? Turn<TOther>((int, T)? pair) where TOther : class, new()
        """)]
    public void Signatures_are_in_the_words_of_CSharp(Type type, string lines) =>
        Assert.Equal(lines.Split('\n'), PublicSignatures.Of(type));

    public abstract record Outline
    {
        public abstract string Kind { get; }
    }

    public sealed record Square(int Rows, string? Name = null) : Outline
    {
        public override string Kind => "square";
    }

    public class Table<T> where T : unmanaged, IComparable<T>
    {
        public const double Half = 0.5;

        public T this[int row] => default;

        public bool Try(in T key, out IReadOnlyList<string?>? found, params int[] more)
        {
            found = null;
            return more.Length == 0 && Hidden(key);
        }

        protected virtual TOther? Turn<TOther>((int Count, T Value)? pair) where TOther : class, new() => default;

        private static bool Hidden(T key) => key.CompareTo(default) == 0;
    }
}
