using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Edits;

/// <summary>
/// What an edit works with: the model, the weights of earlier stages, and data. It counts what the edit changes.
/// </summary>
/// <param name="model">The model to be edited. No adapter is attached to it.</param>
/// <param name="at">The model that an earlier stage ended with, by the stage's name; without an adapter.</param>
/// <param name="data">The rows of a stream of the stage, by the stream's name.</param>
public sealed class EditContext<T>(
    Model<T> model, Func<string, Model<T>>? at = null,
    Func<string, IReadOnlyList<TokenSequence>>? data = null) : IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Dictionary<string, Model<T>> _earlier = [];
    private readonly Arena _memory = new(model.Device);
    private long _numbers;
    private int _tensors;
    private double _squared;

    /// <summary>The model to be edited.</summary>
    public Model<T> Model => model;

    /// <summary>Where the model lives.</summary>
    public Device Device => model.Device;

    /// <summary>How much was changed up to now.</summary>
    public EditSize Size => new(
        _numbers, model.Network.Parameters.Sum(parameter => parameter.Shape.Count), _tensors, Math.Sqrt(_squared));

    /// <summary>The model that an earlier stage ended with. It is loaded once and lives as long as this.</summary>
    /// <param name="stage">The stage's name; "model" for the model as it was given.</param>
    public Model<T> At(string stage)
    {
        if (!_earlier.TryGetValue(stage, out var earlier))
            _earlier.Add(stage, earlier = at!(stage));                      // RecipeLimits made sure that the stage is there
        return earlier;
    }

    /// <summary>The rows of a stream of the stage.</summary>
    public IReadOnlyList<TokenSequence> Rows(string stream) => data!(stream);

    /// <summary>Changes a parameter, and counts the numbers of it that are other ones afterwards.</summary>
    public void Change(Parameter<T> parameter, Action<View<T>> change)
    {
        _memory.Rewind();
        var before = _memory.Allocate<T>(parameter.Shape);
        Device.Copy(parameter.Value, before);
        change(parameter.Value);
        long changed = Differing(before, parameter.Value);
        if (changed == 0)
            return;
        (_numbers, _tensors) = (_numbers + changed, _tensors + 1);
        Device.Run(new AddScaled<T>(-1), parameter.Value, before);
        _squared += Device.Run(new SquaredNorm<T>(), before);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory.Dispose();
        foreach (var earlier in _earlier.Values)
            earlier.Dispose();
    }

    private long Differing(View<T> before, View<T> after)
    {
        var (was, now) = (new T[before.Columns], new T[before.Columns]);
        long count = 0;
        for (int row = 0; row < before.Rows; row++)
        {
            Device.Download(before.SliceRows(row, 1), was);
            Device.Download(after.SliceRows(row, 1), now);
            for (int i = 0; i < now.Length; i++)
                count += was[i] == now[i] ? 0 : 1;
        }

        return count;
    }
}
