using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// What one call of an op reads and writes, on any device: inputs, output, saved values, gradients, ids and random
/// stream. A tape has one such object and fills it anew for every call; the frame of the device shows it to the kernel.
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

    /// <summary>What forward saves for backward, of the shape <see cref="Op{T}.Saved"/>.</summary>
    public View<T> Saved { get; private set; }

    /// <summary>The gradient of the loss with respect to the output; empty during forward.</summary>
    public View<T> Dy { get; set; }

    /// <summary>Token ids, positions, labels or sequence offsets, as the op documents.</summary>
    public ReadOnlyMemory<int> Ids { get; private set; }

    /// <summary>The random stream of this call, the same in forward and backward.</summary>
    public RandomStream Random { get; private set; }

    /// <summary>The values of input <paramref name="i"/>.</summary>
    public View<T> X(int i) => _x[i];

    /// <summary>The gradient of input <paramref name="i"/>; empty if nobody asked for it.</summary>
    public View<T> Dx(int i) => _dx[i];

    /// <summary>Whether the kernel must add to Dx(i). Otherwise Dx(i) is uninitialised and must be written.</summary>
    public bool Adds(int i) => _adds[i];

    /// <summary>Begins a call. Each of its inputs must then be set by <see cref="Input"/>.</summary>
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

    /// <summary>Sets input <paramref name="i"/>, and where its gradient goes.</summary>
    public void Input(int i, View<T> x, View<T> dx = default, bool adds = true)
    {
        _x[i] = x;
        _dx[i] = dx;
        _adds[i] = adds;
    }

    /// <summary>Checks that all of it is in host memory that is not freed.</summary>
    internal void RequireReadable()
    {
        Y.RequireReadable();
        Saved.RequireReadable();
        Dy.RequireReadable();
        for (int i = 0; i < Inputs; i++)
        {
            _x[i].RequireReadable();
            _dx[i].RequireReadable();
        }
    }
}
