using VaccineRef.Core;
using VaccineRef.Experiments.Lab;
using VaccineRef.Experiments.World;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Tests.Lab;

/// <summary>A lab of a few steps on a model of a few thousand numbers, with a cache of its own that is gone afterwards.</summary>
internal sealed class TinyLab : IDisposable
{
    public static LabSettings Settings { get; } = new()
    {
        Synthetic = new()
        {
            World = new WorldSettings
            {
                TestCount = 12,
                PoolCount = 60,
                AlignmentRefusals = 12,
                AlignmentHelpful = 12,
                AttackCount = 20,
                ProbeCount = 6,
            },
            Base = Stage(8, 6),
            Align = Stage(6, 6),
            AlignAdapter = Stage(6, 4),
            Attack = Stage(5, 0) with { Epochs = 2 },
            Rank = 2,
        },
        CurvePoints = 3,
        PerturbationPoints = 2,
        ProjectedPrompts = 5,
    };

    public static LabSize Size { get; } = new("tiny", 8, 2, 2);

    public static LabAttack Attack { get; } = new(0.1m, 20);

    private readonly string _folder = Directory.CreateTempSubdirectory("vaccineref-").FullName;

    public LabCache Cache => new(_folder);

    public string Folder => _folder;

    /// <summary>Every kind of arm, two attacks, one seed.</summary>
    public static LabGrid Grid { get; } = new(
        new LabPreset("tiny", "none", "everything once",
            [
                LabArm.NonAligned, LabArm.Sft, LabArm.Vaccine(0.5), LabArm.RandomDirection(0.5), LabArm.Random(0.01),
                LabArm.Accelerated(0.5, 2), LabArm.Vaccine(0.5) with { Name = "double", Adapters = LabAdapters.Double },
                LabArm.Vaccine(0.5) with { Name = "single", Adapters = LabAdapters.Single },
            ],
            [new(0, 20), Attack], [Size], new(LabArm.Vaccine(0.5).Name, LabArm.Sft.Name, [Attack])),
        [3]);

    public LabReport Run(
        int workers, LabGrid? grid = null, Action<LabProgress>? progress = null, Device? together = null, CancellationToken cancel = default)
    {
        grid ??= Grid;
        Device[] devices = [.. Enumerable.Range(0, workers).Select(_ => new CpuDevice(threads: 1))];
        try
        {
            var results = LabRun.Run(Settings, grid.Cells(), Cache, devices, progress ?? (_ => { }), cancel, together);
            return new(grid, Settings, LabManifest.Of(Settings, grid.Seeds), null, results);
        }
        finally
        {
            foreach (var device in devices)
                device.Dispose();
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static TrainOptions Stage(int batch, int steps) => new(batch, new AdamWOptions(3e-3, 0.1), MaxSteps: steps);
}
