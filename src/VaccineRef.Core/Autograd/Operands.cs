using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// What one call of an op reads and writes, on whatever device: inputs, output, saved values, their gradients, integers and random
/// bits. A tape owns one and fills it anew for every call; the device's frame shows it to the kernel.
/// </summary>
public sealed class Operands<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private View<T>[] _x = new View<T>[4];
    private View<T>[] _dx = new View<T>[4];
    private bool[] _adds = new bool[4];

    /// <summary>Number of inputs.</summary>
    public int Inputs { get; private set; }

    /// <summary>The output.</summary>
    public View<T> Y { get; private set; }

    /// <summary>What forward keeps for backward, of the shape the op asked for.</summary>
    public View<T> Saved { get; private set; }

    /// <summary>Gradient of the loss with respect to the output; empty during forward.</summary>
    public View<T> Dy { get; set; }

    /// <summary>Token ids, positions, labels or sequence offsets: what the op documents.</summary>
    public ReadOnlyMemory<int> Ids { get; private set; }

    /// <summary>The random bits of this call; the same in forward and backward.</summary>
    public RandomStream Random { get; private set; }

    /// <summary>Input <paramref name="i"/>.</summary>
    public View<T> X(int i) => _x[i];

    /// <summary>Gradient of input <paramref name="i"/>; empty where nobody asked for it.</summary>
    public View<T> Dx(int i) => _dx[i];

    /// <summary>Whether Dx(i) is added to; otherwise it is uninitialised, to be written.</summary>
    public bool Adds(int i) => _adds[i];

    /// <summary>Begins a call with <paramref name="inputs"/> inputs, to be set by <see cref="Input"/>.</summary>
    public void Begin(int inputs, View<T> y, View<T> saved, ReadOnlyMemory<int> ids, RandomStream random)
    {
        if (inputs > _x.Length)
        {
            Array.Resize(ref _x, inputs);
            Array.Resize(ref _dx, inputs);
            Array.Resize(ref _adds, inputs);
        }

        Inputs = inputs;
        Y = y;
        Saved = saved;
        Ids = ids;
        Random = random;
        Dy = default;
    }

    /// <summary>Sets input <paramref name="i"/> and where its gradient is added, or, if the op overwrites it, written.</summary>
    public void Input(int i, View<T> x, View<T> dx = default, bool adds = true)
    {
        _x[i] = x;
        _dx[i] = dx;
        _adds[i] = adds;
    }
}
