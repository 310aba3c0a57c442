using System.Diagnostics;
using VaccineRef.Core;

namespace VaccineRef.Bench;

/// <summary>The device below, with a clock on every call: where a step's time goes, by op and direction.</summary>
internal sealed class ProfiledDevice(Device below) : Device
{
    private readonly Dictionary<(string Name, string Direction), (long Ticks, int Calls)> _spent = [];

    /// <summary>Name, direction, milliseconds and calls, the longest first.</summary>
    public IEnumerable<(string Name, string Direction, double Time, int Calls)> Spent => _spent
        .Select(row => (row.Key.Name, row.Key.Direction, row.Value.Ticks * 1e3 / Stopwatch.Frequency, row.Value.Calls))
        .OrderByDescending(row => row.Item3);

    public override string Name => below.Name;

    /// <summary>Forgets what was spent so far.</summary>
    public void Restart() => _spent.Clear();

    public override DeviceBuffer Reserve(long bytes) => below.Reserve(bytes);

    public override void Clear<T>(View<T> view) => Timed("Clear", "memory", () => below.Clear(view));

    public override void Fill<T>(View<T> view, T value) => Timed("Fill", "memory", () => below.Fill(view, value));

    public override void Copy<T>(View<T> source, View<T> destination) =>
        Timed("Copy", "memory", () => below.Copy(source, destination));

    public override void Upload<T>(ReadOnlySpan<T> source, View<T> destination) => below.Upload(source, destination);

    public override void Download<T>(View<T> source, Span<T> destination) => below.Download(source, destination);

    public override void Forward<T>(Op<T> op, Operands<T> operands) =>
        Timed(NameOf(op, operands), "forward", () => below.Forward(op, operands));

    public override void Backward<T>(Op<T> op, Operands<T> operands) =>
        Timed(NameOf(op, operands), "backward", () => below.Backward(op, operands));

    public override double Run<T>(Routine<T> routine, params ReadOnlySpan<View<T>> x)
    {
        long start = Stopwatch.GetTimestamp();
        double result = below.Run(routine, x);
        Add(routine.GetType().Name.Split('`')[0], "routine", start);
        return result;
    }

    public override void Synchronize() => below.Synchronize();

    public override void Dispose() => below.Dispose();

    private static string NameOf<T>(Op<T> op, Operands<T> operands)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        operands.Inputs > 1 && op.Name.EndsWith("Linear", StringComparison.Ordinal)
            ? $"{op.Name} {operands.X(1).Shape}"
            : op.Name;

    private void Timed(string name, string direction, Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        Add(name, direction, start);
    }

    private void Add(string name, string direction, long start)
    {
        var (ticks, calls) = _spent.GetValueOrDefault((name, direction));
        _spent[(name, direction)] = (ticks + Stopwatch.GetTimestamp() - start, calls + 1);
    }
}
