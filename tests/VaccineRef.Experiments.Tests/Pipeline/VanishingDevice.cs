using ILGPU.Runtime.OpenCL;
using VaccineRef.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>
/// A processor that is gone from some call on, as a GPU that is reset or unplugged: every call fails as the driver's
/// failure does.
/// </summary>
/// <param name="lasts">So many calls succeed.</param>
internal sealed class VanishingDevice(long lasts) : Device
{
    private readonly CpuDevice _below = new(1);

    /// <summary>Calls so far.</summary>
    public long Calls { get; private set; }

    public override string Name => "vanishing";

    public override DeviceBuffer Reserve(long bytes) => Alive("a request for memory").Reserve(bytes);

    public override void Clear<T>(View<T> view) => Alive("setting memory to zero").Clear(view);

    public override void Fill<T>(View<T> view, T value) => Alive("filling memory").Fill(view, value);

    public override void Copy<T>(View<T> source, View<T> destination) => Alive("a copy").Copy(source, destination);

    public override void Upload<T>(ReadOnlySpan<T> source, View<T> destination) =>
        Alive("an upload").Upload(source, destination);

    public override void Download<T>(View<T> source, Span<T> destination) =>
        Alive("a download").Download(source, destination);

    public override void Forward<T>(Op<T> op, Operands<T> operands) => Alive(op.Name).Forward(op, operands);

    public override void Backward<T>(Op<T> op, Operands<T> operands) => Alive(op.Name).Backward(op, operands);

    public override double Run<T>(Routine<T> routine, params ReadOnlySpan<View<T>> x) =>
        Alive(routine.Name).Run(routine, x);

    public override void Synchronize() => Alive("waiting for it").Synchronize();

    public override void Dispose() => _below.Dispose();

    private CpuDevice Alive(string doing) => Calls++ < lasts
        ? _below : throw new DeviceLostException(Name, doing, new CLException(CLError.CL_DEVICE_NOT_AVAILABLE));
}
