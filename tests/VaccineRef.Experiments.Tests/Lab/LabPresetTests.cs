using VaccineRef.Core;
using VaccineRef.Experiments.Lab;

namespace VaccineRef.Experiments.Tests.Lab;

public sealed class LabPresetTests
{
    [Theory]
    [InlineData("harmful-ratio", "Table 1", 6, "0/400 0.02/400 0.05/400 0.1/400 0.2/400")]
    [InlineData("samples", "Table 2", 3, "0.05/200 0.05/400 0.05/600 0.05/800 0.05/1000")]
    [InlineData("rho", "Table 6", 7, "0.1/400")]
    [InlineData("random", "Table 7", 10, "0.1/400")]
    [InlineData("lora", "Table 8", 6, "0.1/400")]
    [InlineData("ewc", "Table 9", 10, "0.1/400")]
    [InlineData("defenses", "none", 9, "0.1/400")]
    [InlineData("demo", "Table 1, in part", 3, "0/400 0.05/400 0.1/400")]
    [InlineData("accelerated", "Table 10", 6, "0.1/400")]
    [InlineData("cost", "Tables 5 and 11", 2, "")]
    [InlineData("controls", "none", 6, "0/400 0.05/400 0.1/400 0.1/400")]
    public void A_preset_has_the_rows_and_columns_of_its_table(string name, string table, int arms, string attacks)
    {
        var preset = Assert.Single(LabPresets.Named(name));
        Assert.Equal((table, arms), (preset.Table, preset.Arms.Count));
        Assert.Equal(attacks, string.Join(' ', preset.Attacks.Select(a => FormattableString.Invariant($"{a.HarmfulRatio}/{a.Samples}"))));
        var grid = new LabGrid(preset, [10, 11]);
        int extra = preset.Arms.Contains(LabArm.NonAligned) ? 0 : 1;
        Assert.Equal(2 * preset.Sizes.Count * (extra + (arms * (1 + preset.Attacks.Count))), grid.Cells().Count());
        Assert.Contains(preset.Primary.Arm, preset.Arms.Select(arm => arm.Name));
        Assert.Contains(preset.Primary.Control, preset.Arms.Select(arm => arm.Name));
        Assert.All(preset.Primary.Attacks, attack => Assert.True(attack.HarmfulRatio > 0 && preset.Attacks.Contains(attack)));
    }

    [Fact]
    public void A_cells_beginnings_come_before_it()
    {
        var seen = new HashSet<string>();
        string Key(LabCell cell) => LabKeys.Of(new(), cell);
        foreach (var cell in LabPresets.Named("all").SelectMany(preset => new LabGrid(preset, [10]).Cells()))
        {
            Assert.True(cell.Parent is not { } parent || seen.Contains(Key(parent)));
            seen.Add(Key(cell));
        }
    }

    [Fact]
    public void No_two_arms_of_a_preset_share_a_name() => Assert.All(LabPresets.Named("all").Append(LabPresets.Demo), preset =>
        Assert.Equal(preset.Arms.Count, preset.Arms.Select(arm => arm.Name).Distinct().Count()));

    [Fact]
    public void An_unknown_preset_names_those_there_are()
    {
        string message = Assert.Throws<InputException>(() => LabPresets.Named("harmful")).Message;
        Assert.All(LabPresets.Known, preset => Assert.Contains(preset.Name, message));
    }

    [Theory]
    [InlineData(0.01, 190, true)]
    [InlineData(0.05, 190, true)]
    [InlineData(0.0501, 200, false)]
    [InlineData(0.01, 189, false)]
    [InlineData(0.15, 190, true, LabAdapters.Double)]
    [InlineData(0.1501, 200, false, LabAdapters.Single)]
    [InlineData(0.0501, 200, false, LabAdapters.None)]
    public void An_alignment_has_converged_within_both_bounds(
        double loss, int refused, bool converged, LabAdapters adapters = LabAdapters.Full)
    {
        var none = new LabCount(0, 200);
        Assert.Equal(converged, new Convergence().Of(new(none, none, new(refused, 200), none, none, none, 0, 0, loss, 0, null, 1), adapters));
    }

    [Fact]
    public void What_did_not_converge_is_told_and_kept_out_of_the_means()
    {
        var none = new LabCount(0, 10);
        LabResult Result(ulong seed, bool converged, int harmful) => new(
            "", new LabCell(seed, LabSize.Tiny, LabArm.Sft, new(0.1m)), null,
            new(new(harmful, 10), none, none, none, none, none, 0, 0, 0, 0, null, 1), converged, null, [], null, null, new(1, 1, 1, 1, 1, 1), null);
        var preset = LabPresets.Demo with { Attacks = [new(0.1m)] };
        string cell = LabTable.Rows(preset, [Result(1, true, 2), Result(2, false, 9), Result(3, true, 4)])[0][2];
        Assert.Equal("30.0 / 0.0 (1 not converged)", cell);
    }
}
