using VaccineRef.Experiments.Lab;
using VaccineRef.Core;

namespace VaccineRef.Experiments.Tests.Lab;

public sealed class LabRunTests
{
    private static readonly Lazy<string> Once = new(() =>
    {
        using var lab = new TinyLab();
        return lab.Run(workers: 1).WithoutTimes().ToJson();
    });

    [Fact]
    public void The_same_grid_gives_the_same_bits_on_any_number_of_workers()
    {
        using var lab = new TinyLab();
        Assert.Equal(Once.Value, lab.Run(workers: 3).WithoutTimes().ToJson());
    }

    [Fact]
    public void The_cell_that_all_others_wait_for_has_all_threads_and_changes_no_bit()
    {
        using var lab = new TinyLab();
        using var team = new CpuDevice(3);
        Assert.Equal(Once.Value, lab.Run(workers: 2, together: team).WithoutTimes().ToJson());
        using var unused = new TinyLab();
        team.Dispose();
        Assert.Throws<ObjectDisposedException>(() => unused.Run(workers: 2, together: team));
        unused.Run(workers: 2, TinyLab.Grid with { Seeds = [3, 4] }, together: team);        // two bases: neither is alone
    }

    [Fact]
    public void Cells_with_the_most_work_behind_them_come_first()
    {
        using var lab = new TinyLab();
        var order = new List<LabCell>();
        lab.Run(workers: 1, progress: at => order.AddRange(at.Finished is { } finished ? [finished.Cell] : []));
        LabCell[] alignments = [.. order.Where(cell => cell is { Attack: null, Arm.Method: not null })];
        Assert.Contains(alignments, cell => cell.Arm.Method!.Rule == "vaccine");
        Assert.Equal("vaccine", alignments[0].Arm.Method!.Rule);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(30)]
    [InlineData(70)]
    public void A_grid_that_was_stopped_goes_on_and_gives_the_same_report(int afterReports)
    {
        using var lab = new TinyLab();
        using var source = new CancellationTokenSource();
        int reports = 0;
        Assert.ThrowsAny<OperationCanceledException>(() => lab.Run(2, progress: _ =>
        {
            if (++reports == afterReports)
                source.Cancel();
        }, cancel: source.Token));
        var first = default(LabProgress?);
        Assert.Equal(Once.Value, lab.Run(2, progress: at => first ??= at).WithoutTimes().ToJson());
        Assert.Equal(afterReports > 20, first!.Value.Cached > 0);
    }

    [Fact]
    public void What_is_in_the_cache_is_not_computed_again_and_an_extended_grid_computes_what_is_new()
    {
        using var lab = new TinyLab();
        var report = lab.Run(2);
        int finished = 0, cached = 0;
        var again = lab.Run(1, progress: at => (finished, cached) = (finished + (at.Finished is null ? 0 : 1), at.Cached));
        Assert.Equal((0, report.Results.Count), (finished, cached));
        Assert.Equal(report.ToJson(), again.ToJson());          // times too: they are those of the computation

        var more = TinyLab.Grid with { Preset = TinyLab.Grid.Preset with { Attacks = [TinyLab.Attack with { Samples = 30 }] } };
        lab.Run(2, more, at => finished += at.Finished is null ? 0 : 1);
        Assert.Equal(more.Preset.Arms.Count, finished);
    }

    [Fact]
    public void A_damaged_file_of_the_cache_is_an_error_that_names_it()
    {
        using var lab = new TinyLab();
        var hash = lab.Run(2).Results[^1].Hash;
        string file = Path.Combine(lab.Folder, "cells", $"{hash}.json");
        File.WriteAllText(file, File.ReadAllText(file)[..50]);
        Assert.Contains(hash, Assert.Throws<InputException>(() => lab.Run(2)).Message);
        File.Delete(file);
        Assert.Equal(Once.Value, lab.Run(2).WithoutTimes().ToJson());
    }

    [Fact]
    public void A_cell_holds_everything_that_was_asked_of_it()
    {
        using var lab = new TinyLab();
        var results = lab.Run(2).Results;
        Assert.Equal(TinyLab.Grid.Cells(), results.Select(result => result.Cell));
        Assert.All(results, result =>
        {
            var measured = result.Measured;
            Assert.Equal(12, measured.CoherentHarm.Count + measured.Refused.Count + measured.Other!.Value.Count);
            Assert.True(measured.FinetuneAccuracyBegun!.Value.Count >= measured.FinetuneAccuracy!.Value.Count);
            Assert.True(double.IsFinite(measured.HarmfulLoss!.Value + measured.TaskLoss!.Value + measured.RefusalLoss + measured.AlignmentLoss) && measured.HiddenNorm > 0);
            Assert.Equal(result.Cell.Arm.Method is null, result.Converged is null);
            bool attacked = result.Cell.Attack is not null;
            Assert.Equal((attacked, attacked), (result.Before is not null, measured.Drift is not null));
            Assert.Equal(attacked ? [0, 2, 5, 8] : [], result.Curve.Select(point => point.Step));
            Assert.Equal(result.Cell.Attack == TinyLab.Attack, result.Projection is not null);
        });
    }

    [Fact]
    public void A_curve_begins_with_the_aligned_model_and_ends_with_the_attacked_one()
    {
        using var lab = new TinyLab();
        Assert.All(lab.Run(2).Results.Where(result => result.Cell.Attack is not null), result =>
        {
            Assert.Equal((result.Before!.HarmfulScore, result.Before.RefusalLoss, result.Before.AlignmentLoss),
                (result.Curve[0].HarmfulScore, result.Curve[0].RefusalLoss, result.Curve[0].AlignmentLoss));
            Assert.Equal((0, 0), (result.Curve[0].Drift.PerToken, result.Curve[0].Drift.PerLayer.Sum()));
            var (last, measured) = (result.Curve[^1], result.Measured);
            Assert.Equal((measured.HarmfulScore, measured.FinetuneAccuracy, measured.RefusalLoss, measured.AlignmentLoss),
                (last.HarmfulScore, last.FinetuneAccuracy, last.RefusalLoss, last.AlignmentLoss));
            Assert.Equal(measured.Drift!.PerLayer, last.Drift.PerLayer);
            Assert.True(last.Drift.PerToken > 0);
        });
    }

    [Fact]
    public void Noise_in_a_random_direction_is_as_long_as_Vaccines()
    {
        using var lab = new TinyLab();
        var results = lab.Run(2).Results.Where(result => result.Cell.Attack is null).ToDictionary(result => result.Cell.Arm.Name);
        var vaccine = results[LabArm.Vaccine(0.5).Name].Perturbation!;
        var random = results[LabArm.RandomDirection(0.5).Name].Perturbation!;
        Assert.Equal(vaccine.Norm, random.Norm, 1e-6);          // the guard of 1e-7 against gradients of about 1
        Assert.Null(results["SFT"].Perturbation);
        Assert.InRange(random.Relative, 1e-6, 10);
    }

    [Fact]
    public void Passes_are_counted()
    {
        using var lab = new TinyLab();
        var costs = lab.Run(2).Results.Where(result => result.Cell.Attack is null).ToDictionary(result => result.Cell.Arm.Name, result => result.Cost!);
        Assert.Equal((1, 1), (costs["SFT"].ForwardsPerStep, costs["SFT"].ReversesPerStep));
        Assert.Equal((2, 2), (costs[LabArm.Vaccine(0.5).Name].ForwardsPerStep, costs[LabArm.Vaccine(0.5).Name].ReversesPerStep));
        Assert.Equal(1.5, costs[LabArm.Accelerated(0.5, 2).Name].ForwardsPerStep);
        Assert.Equal(1, costs[LabArm.Random(0.01).Name].ReversesPerStep);
        Assert.True(costs[LabArm.Vaccine(0.5).Name].PeakBytes > costs["SFT"].PeakBytes);
    }
}
