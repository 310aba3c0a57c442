using VaccineRef.Core;
using VaccineRef.Verification.Conform;

namespace VaccineRef.Verification.Tests.Conform;

/// <summary>One kit for all tests of a class, and a place for traces.</summary>
public sealed class ConformKitFixture : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("conform");

    public ConformKitFixture()
    {
        Kit = Path.Combine(_root.FullName, "kit");
        ConformKit.Write(Kit, Device);
    }

    public CpuDevice Device { get; } = new(1);

    public string Kit { get; }

    public string Case(string name) => Path.Combine(Kit, "cases", name);

    public string Fresh() => Path.Combine(_root.FullName, Guid.NewGuid().ToString("N"));

    public CaseReport Check(string trace) => new ConformanceChecker(Device).Check(trace, Kit);

    internal string ByHand(string @case, string defect)
    {
        string trace = Fresh();
        HandPort.Run(Case(@case), defect, trace, Device);
        return trace;
    }

    public void Dispose()
    {
        Device.Dispose();
        _root.Delete(recursive: true);
    }
}
