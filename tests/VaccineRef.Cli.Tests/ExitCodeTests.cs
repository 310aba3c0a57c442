using System.Reflection;
using System.Runtime.CompilerServices;

namespace VaccineRef.Cli.Tests;

public sealed class ExitCodeTests
{
    // laws and ranks catch what only they throw, before it leaves them
    private static readonly string[] Caught =
    [
        "LawException", "NotOfferedException", "SubjectFailedException", "RankLostException",
    ];

    /// <summary>
    /// Over all kinds of error that a library can throw, so that a new one is red until a script can tell what it
    /// means.
    /// </summary>
    [Fact]
    public void No_error_of_a_library_is_one_that_should_not_have_happened()
    {
        Type[] kinds =
        [
            .. typeof(Program).Assembly.GetReferencedAssemblies()
                .Where(name => name.Name!.StartsWith("VaccineRef.", StringComparison.Ordinal))
                .SelectMany(name => Assembly.Load(name).GetExportedTypes())
                .Where(type => type.IsAssignableTo(typeof(Exception)) && !Caught.Contains(type.Name)),
        ];
        Assert.True(kinds.Length > 6);
        Assert.All(kinds, kind =>
        {
            var error = (Exception)RuntimeHelpers.GetUninitializedObject(kind);
            Assert.DoesNotContain("should not have happened", ExitCode.TextOf(error), StringComparison.Ordinal);
            Assert.InRange(ExitCode.CodeOf(error), ExitCode.Failed, ExitCode.WrongInput);
        });
    }
}
