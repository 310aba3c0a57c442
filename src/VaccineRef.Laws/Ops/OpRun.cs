using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Laws;

/// <summary>
/// One call of an op in guarded memory of any device, without a tape. Every run checks that the inputs stay as they
/// were and that nothing beyond any buffer is written.
/// </summary>
public sealed class OpRun<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Device _device;
    private readonly Op<T> _op;
    private readonly Guarded<T>[] _x;
    private readonly Guarded<T> _y, _saved;
    private readonly int[] _ids;
    private readonly RandomStream _random;
    private readonly Operands<T> _operands = new();

    /// <summary>Infers, checks and allocates, as a tape does.</summary>
    public OpRun(Device device, Op<T> op, Shape[] shapes, int[] ids, RandomStream random = default)
    {
        (_device, _op, _ids, _random) = (device, op, ids, random);
        op.Check(shapes, ids);
        _y = new(device, op.Infer(shapes, ids.Length));
        _saved = new(device, op.Saved(shapes));
        _x = [.. shapes.Select(shape => new Guarded<T>(device, shape))];
    }

    /// <summary>The call of a case in a trial.</summary>
    public OpRun(Device device, Op<T> op, OpCase subject, Sizes sizes)
        : this(device, op, subject.Shapes(sizes), subject.Ids(sizes), sizes.Random().At("op"))
    {
    }

    /// <summary>The shape of the output.</summary>
    public Shape Output => _y.View.Shape;

    /// <summary>y = f(x). Y and Saved are filled with NaN before, so that an element left unwritten shows.</summary>
    public double[] Forward(double[][] x)
    {
        for (int i = 0; i < x.Length; i++)
            _x[i].Values = x[i];
        _device.Fill(_y.View, T.NaN);
        _device.Fill(_saved.View, T.NaN);
        _operands.Begin(_x.Length, _y.View, _saved.View, _ids, _random);
        for (int i = 0; i < _x.Length; i++)
            _operands.Input(i, _x[i].View);
        _device.Forward(_op, _operands);
        CheckUntouched(x, []);
        return _y.Values;
    }

    /// <summary>
    /// The gradients after <paramref name="times"/> backward calls onto memory that began as <paramref name="start"/>;
    /// null for an input for which none is wanted. Those that <paramref name="writes"/> names the op is to write
    /// instead, onto NaN. Call <see cref="Forward"/> first.
    /// </summary>
    public double[]?[] Backward(
        double[][] x, double[] dy, Func<int, bool>? wants = null, int times = 1, double start = 0,
        Func<int, bool>? writes = null)
    {
        using var output = new Guarded<T>(_device, Output, dy);
        Guarded<T>?[] dx =
            [.. _x.Select((input, i) => wants is null || wants(i) ? new Guarded<T>(_device, input.View.Shape) : null)];
        bool Adds(int i) => writes is null || !writes(i);
        for (int i = 0; i < dx.Length; i++)
            _device.Fill(dx[i]?.View ?? default, Adds(i) ? T.CreateChecked(start) : T.NaN);
        _operands.Begin(_x.Length, _y.View, _saved.View, _ids, _random);
        _operands.Dy = output.View;
        for (int i = 0; i < _x.Length; i++)
            _operands.Input(i, _x[i].View, dx[i]?.View ?? default, Adds(i));
        for (int i = 0; i < times; i++)
            _device.Backward(_op, _operands);
        CheckUntouched([.. x, dy], [output, .. dx.OfType<Guarded<T>>()]);
        var result = dx.Select(gradient => gradient?.Values).ToArray();
        foreach (var gradient in dx)
            gradient?.Dispose();
        return result;
    }

    /// <summary>
    /// Puts other numbers into the inputs and, if asked to, NaN into Y: what backward does not read may hold anything.
    /// </summary>
    public void Overwrite(double[][] x, bool output)
    {
        for (int i = 0; i < x.Length; i++)
            _x[i].Values = x[i];
        if (output)
            _device.Fill(_y.View, T.NaN);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var view in (Guarded<T>[])[.. _x, _y, _saved])
            view.Dispose();
    }

    private void CheckUntouched(double[][] inputs, Guarded<T>[] more)
    {
        Guarded<T>[] read = more.Length == 0 ? _x : [.. _x, more[0]];
        for (int i = 0; i < inputs.Length; i++)
            if (!read[i].Values.SequenceEqual(
                inputs[i].Select(value => double.CreateTruncating(T.CreateTruncating(value)))))
                throw new LawBrokenException($"{_op.Name} has written to its input {i}.");
        foreach (var view in (Guarded<T>[])[.. _x, _y, _saved, .. more])
            if (!view.IsIntact)
                throw new LawBrokenException(
                    $"{_op.Name} has written beyond a buffer of shape {view.View.Shape}.");
    }
}
