using System.CommandLine;
using VaccineRef.Core;

namespace VaccineRef.Cli;

/// <summary>The devices on which the stages of a run or a grid are computed.</summary>
internal sealed class OpenDevices : IDisposable
{
    /// <summary>Opens them.</summary>
    /// <param name="where">Which.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="oneAtATime">Whether one stage is computed at a time, with all threads.</param>
    /// <exception cref="InputException">The device does not exist, or it cannot do what was asked.</exception>
    public OpenDevices(DeviceOptions where, ParseResult parsed, bool oneAtATime)
    {
        Each = oneAtATime ? [where.Open(parsed)] : where.OpenEach(parsed);
        Together = Each.Count == 1 ? Each[0] : where.Open(parsed);
    }

    /// <summary>A device for each stage that is computed at the same time.</summary>
    public IReadOnlyList<Device> Each { get; }

    /// <summary>The device for a stage that all others wait for.</summary>
    public Device Together { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var device in Each.Append(Together).Distinct())
            device.Dispose();
    }
}
