using VaccineRef.Experiments.Lab;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;

namespace VaccineRef.Experiments.Tests.Lab;

/// <summary>A hash changes with everything that determines a cell's findings, and with nothing else.</summary>
public sealed class LabKeysTests
{
    private static readonly LabCell Base = new(3, TinyLab.Size, LabArm.NonAligned);
    private static readonly LabCell Aligned = Base with { Arm = LabArm.Vaccine(1) };
    private static readonly LabCell Adapted = Base with { Arm = LabArm.Vaccine(1) with { Adapters = LabAdapters.Double } };
    private static readonly LabCell Attacked = Aligned with { Attack = TinyLab.Attack };
    private static readonly LabCell[] All = [Base, Aligned, Adapted, Attacked];

    // What is changed, and whether it bears on: the base, an alignment of all weights, one of an adapter, an attack.
    private static readonly (string Name, Func<LabSettings, LabSettings> Change, bool[] Bears)[] Settings =
    [
        ("arithmetic", s => s with { Arithmetic = "cuda, tf32" }, [true, true, true, true]),
        ("test questions", s => World(s, w => w with { TestCount = 13 }), [true, true, true, true]),
        ("pool", s => World(s, w => w with { PoolCount = 61 }), [true, true, true, true]),
        ("refusals", s => World(s, w => w with { AlignmentRefusals = 13 }), [true, true, true, true]),
        ("probe", s => World(s, w => w with { ProbeCount = 7 }), [true, true, true, true]),
        ("neutral style", s => World(s, w => w with { NeutralStyleShare = 0.1 }), [true, true, true, true]),
        ("base steps", s => Lab(s, l => l with { Base = l.Base with { MaxSteps = 7 } }), [true, true, true, true]),
        ("base rate", s => Lab(s, l => l with { Base = l.Base with { Optimizer = l.Base.Optimizer with { LearningRate = 1e-4 } } }), [true, true, true, true]),
        ("alignment steps", s => Lab(s, l => l with { Align = l.Align with { MaxSteps = 8 } }), [false, true, false, true]),
        ("alignment batch", s => Lab(s, l => l with { Align = l.Align with { BatchSize = 7 } }), [false, true, false, true]),
        ("adapter's alignment", s => Lab(s, l => l with { AlignAdapter = l.AlignAdapter with { MaxSteps = 8 } }), [false, false, true, false]),
        ("points of the perturbation", s => s with { PerturbationPoints = 3 }, [false, true, true, true]),
        ("attack epochs", s => Lab(s, l => l with { Attack = l.Attack with { Epochs = 3 } }), [false, false, false, true]),
        ("attack decay", s => Lab(s, l => l with { Attack = l.Attack with { Optimizer = l.Attack.Optimizer with { WeightDecay = 0 } } }), [false, false, false, true]),
        ("rank", s => Lab(s, l => l with { Rank = 3 }), [false, false, true, true]),
        ("scaling", s => Lab(s, l => l with { Scaling = 1 }), [false, false, true, true]),
        ("points of the curve", s => s with { CurvePoints = 4 }, [false, false, false, true]),
        ("projected prompts", s => s with { ProjectedPrompts = 6 }, [false, false, false, true]),
        ("projected p", s => s with { ProjectedRatio = 0.2m }, [false, false, false, true]),
        ("bounds of convergence", s => s with { Convergence = new(0.1) }, [false, true, true, true]),
        ("the world's own n", s => World(s, w => w with { AttackCount = 30 }), [false, false, false, false]),
    ];

    private static readonly (string Name, Func<LabCell, LabCell> Change, bool[] Bears)[] Cells =
    [
        ("seed", c => c with { Seed = 4 }, [true, true, true, true]),
        ("hidden size", c => c with { Size = c.Size with { Hidden = 16 } }, [true, true, true, true]),
        ("layers", c => c with { Size = c.Size with { Layers = 1 } }, [true, true, true, true]),
        ("heads", c => c with { Size = c.Size with { Heads = 1 } }, [true, true, true, true]),
        ("the size's name", c => c with { Size = c.Size with { Name = "another" } }, [false, false, false, false]),
        ("the arm's name", c => c with { Arm = c.Arm with { Name = "another" } }, [false, false, false, false]),
        ("rho", c => c.Arm.Method is { } m ? c with { Arm = c.Arm with { Method = m with { Rho = 2 } } } : c, [false, true, true, true]),
        ("rule", c => c.Arm.Method is null ? c : c with { Arm = c.Arm with { Method = new MethodChoice() } }, [false, true, true, true]),
        ("adapters", c => c with { Arm = c.Arm with { Adapters = LabAdapters.Single } }, [false, true, true, true]),
        ("steps", c => c with { Arm = c.Arm with { StepFactor = 2 } }, [false, true, true, true]),
        ("p", c => c.Attack is { } a ? c with { Attack = a with { HarmfulRatio = 0.2m } } : c, [false, false, false, true]),
        ("p in other words", c => c.Attack is { } a ? c with { Attack = a with { HarmfulRatio = 0.10m } } : c, [false, false, false, false]),
        ("n", c => c.Attack is { } a ? c with { Attack = a with { Samples = 30 } } : c, [false, false, false, true]),
        ("longer", c => c.Attack is { } a ? c with { Attack = a with { StepFactor = 2 } } : c, [false, false, false, true]),
    ];

    private static LabSettings Lab(LabSettings settings, Func<SyntheticLab, SyntheticLab> change) =>
        settings with { Synthetic = change(settings.Synthetic!) };

    private static LabSettings World(LabSettings settings, Func<WorldSettings, WorldSettings> change) =>
        Lab(settings, lab => lab with { World = change(lab.World) });

    public static TheoryData<string> Names => [.. Settings.Select(change => change.Name), .. Cells.Select(change => change.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_hash_changes_with_what_determines_the_cell(string name)
    {
        var before = All.Select(cell => LabKeys.Of(TinyLab.Settings, cell)).ToArray();
        var setting = Settings.SingleOrDefault(change => change.Name == name);
        var other = Cells.SingleOrDefault(change => change.Name == name);
        bool[] changed =
        [
            .. All.Zip(before, (cell, hash) => hash != (setting.Name is null
                ? LabKeys.Of(TinyLab.Settings, other.Change(cell))
                : LabKeys.Of(setting.Change(TinyLab.Settings), cell))),
        ];
        Assert.Equal(setting.Bears ?? other.Bears, changed);
    }

    [Fact]
    public void Every_cell_of_a_grid_has_its_own_hash()
    {
        var cells = TinyLab.Grid.Cells().ToArray();
        string[] hashes = [.. cells.Select(cell => LabKeys.Of(TinyLab.Settings, cell))];
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
        Assert.All(hashes, hash => Assert.Matches("^[0-9a-f]{64}$", hash));
    }
}
