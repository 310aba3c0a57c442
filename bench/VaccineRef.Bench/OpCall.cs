using VaccineRef.Core;

namespace VaccineRef.Bench;

/// <summary>One op with memory of its own, ready to be called again and again, without a tape.</summary>
internal sealed class OpCall : IDisposable
{
    private readonly Device _device;
    private readonly Arena _arena;
    private readonly Op<float> _op;
    private readonly View<float> _y, _saved, _dy;
    private readonly View<float>[] _x, _dx;
    private readonly int[] _ids;
    private readonly Operands<float> _operands = new();

    /// <summary>Checks and allocates as a tape does; inputs and dy are uniform in [-1, 1).</summary>
    public OpCall(Device device, Op<float> op, Shape[] shapes, int[] ids)
    {
        (_device, _op, _ids, _arena) = (device, op, ids, new Arena(device));
        op.Check(shapes, ids);
        var random = RandomStream.FromSeed(1);
        View<float> Random(Shape shape, int index)
        {
            var view = _arena.Allocate<float>(shape);
            device.Run(new Kernels.FillUniform<float>(random.At(index), -1, 1), view);
            return view;
        }

        _x = [.. shapes.Select(Random)];
        _dx = [.. shapes.Select(shape => _arena.Allocate<float>(shape, clear: true))];
        _y = Random(op.Infer(shapes, ids.Length), shapes.Length);
        _dy = Random(_y.Shape, shapes.Length + 1);
        if (op.Saved(shapes) is { Count: > 0 } saved)
            _saved = _arena.Allocate<float>(saved);
    }

    /// <summary>y = f(x).</summary>
    public void Forward()
    {
        Begin(backward: false);
        _device.Forward(_op, _operands);
    }

    /// <summary>Adds every gradient; what forward saved must be there.</summary>
    public void Backward()
    {
        Begin(backward: true);
        _device.Backward(_op, _operands);
    }

    public void Dispose() => _arena.Dispose();

    private void Begin(bool backward)
    {
        _operands.Begin(_x.Length, _y, _saved, _ids, RandomStream.FromSeed(2));
        _operands.Dy = backward ? _dy : default;
        for (int i = 0; i < _x.Length; i++)
            _operands.Input(i, _x[i], backward ? _dx[i] : default);
    }
}
