using VaccineRef.Gpu;

namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>
/// A device may vanish at any call: the run ends with an error that names it, every step but the one that was being
/// kept is on the disk, and the run goes on from there on a device that is well, to the same bits.
/// </summary>
public sealed class VanishingDeviceLaws : IClassFixture<VanishingDeviceLaws.Whole>
{
    private readonly Whole _whole;

    public VanishingDeviceLaws(Whole whole) => _whole = whole;

    [Property(MaxTest = 25)]
    public void A_device_that_vanishes_is_named_and_costs_at_most_one_step(PositiveInt at)
    {
        long lasts = (at.Get * 7919L) % _whole.Calls;
        using var run = new StoppedRun();
        var taken = new Dictionary<string, int>();
        using (var device = new VanishingDevice(lasts))
        {
            var error = Assert.Throws<DeviceLostException>(() => run.Run(progress: progress =>
            {
                foreach (var running in progress.Running)
                    if (running.Last is { } last)
                        taken[running.Stage.Name] = (int)last.Step;
            }, on: device));
            Assert.All(
                (string[])["vanishing", "noticed by", "remedy"],
                part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
        }

        foreach (var (stage, step) in taken)
        {
            bool Kept(int at) => File.Exists(Path.Combine(run.Folder, stage, $"checkpoint-{at:D10}.safetensors"));
            Assert.True(
                step == 1 || Kept(step) || Kept(step - 1)
                    || File.Exists(Path.Combine(run.Folder, stage, "result.json")),
                $"step {step - 1} of {stage} is lost; the device lasted for {lasts} calls");
        }

        Assert.Equal(_whole.Report, StoppedRun.Json(run.Run()));
        Assert.Equal(_whole.Files, run.Files());
    }

    /// <summary>The run that nothing happened to, and how many calls it makes.</summary>
    public sealed class Whole
    {
        public Whole()
        {
            using var run = new StoppedRun();
            using var device = new VanishingDevice(long.MaxValue);
            Report = StoppedRun.Json(run.Run(on: device));
            Files = run.Files();
            Calls = device.Calls;
        }

        public string Report { get; }

        public IReadOnlyDictionary<string, string> Files { get; }

        public long Calls { get; }
    }
}
