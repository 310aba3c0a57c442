using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The state of a training, part by part under names. One description serves both directions, so that no part can be
/// written and not read: while the state is written each call returns what it was given, and while it is read each
/// returns what was written.
/// <code>
/// Probability = state.Part("probability", Probability);
/// </code>
/// </summary>
public sealed class KeptState<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly TensorType Type = Unsafe.SizeOf<T>() == sizeof(double) ? TensorType.F64 : TensorType.F32;

    private readonly Device _device;
    private readonly SafetensorsFile? _file;        // null while the state is written
    private readonly List<TensorData> _parts;
    private readonly string _prefix;

    private KeptState(
        Device device, SafetensorsFile? file, List<TensorData> parts, string prefix,
        IReadOnlyList<Parameter<T>> trainable) =>
        (_device, _file, _parts, _prefix, Trainable) = (device, file, parts, prefix, trainable);

    /// <summary>The parameters that are trained, for a rule that holds a number for each of their numbers.</summary>
    public IReadOnlyList<Parameter<T>> Trainable { get; }

    /// <summary>Whether a state is being put back.</summary>
    public bool IsRead => _file is not null;

    /// <summary>Writes a state into a sealed file, beside and renamed (<see cref="SealedSafetensors"/>).</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">
    /// Where the views of the state are; they are copied to the host one at a time, as they are written.
    /// </param>
    /// <param name="metadata">What the file says about itself.</param>
    /// <param name="exchange">Describes the state.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(
        string path, Device device, IReadOnlyDictionary<string, string> metadata, Action<KeptState<T>> exchange)
    {
        var state = new KeptState<T>(device, null, [], "", []);
        exchange(state);
        SealedSafetensors.Write(path, state._parts, metadata);
    }

    /// <summary>Puts a state back.</summary>
    /// <param name="file">The file, whose digest has been checked.</param>
    /// <param name="device">Where the views of the state are.</param>
    /// <param name="exchange">Describes the state, as it was described when it was written.</param>
    /// <exception cref="CheckpointException">A part is missing, or it has another type or another size.</exception>
    public static void Read(SafetensorsFile file, Device device, Action<KeptState<T>> exchange) =>
        exchange(new(device, file, [], "", []));

    /// <summary>The same state, with a name before the names of its parts.</summary>
    public KeptState<T> Within(string name) => new(_device, _file, _parts, $"{_prefix}{name}.", Trainable);

    /// <summary>The same state for a training of these parameters.</summary>
    public KeptState<T> Of(IReadOnlyList<Parameter<T>> trainable) => new(_device, _file, _parts, _prefix, trainable);

    /// <summary>Values on the device.</summary>
    public void Part(string name, View<T> values)
    {
        if (_file is null)
        {
            _parts.Add(TensorData.Floats<T>(
                _prefix + name, Type, [values.Shape.Rows, values.Shape.Columns], () => Host(values)));
            return;
        }

        var read = new T[values.Shape.Count];
        _file.Read<T>(_prefix + name, read);
        _device.Upload<T>(read, values);
    }

    /// <summary>Numbers, each with all its bits.</summary>
    public double[] Part(string name, IReadOnlyList<double> values)
    {
        double[] numbers = [.. values];
        if (_file is null)
        {
            _parts.Add(TensorData.Floats<double>(_prefix + name, TensorType.F64, [numbers.Length], numbers));
            return numbers;
        }

        // the header was checked against the length of the file
        numbers = new double[_file.Entry(_prefix + name).Count];
        _file.Read<double>(_prefix + name, numbers);
        return numbers;
    }

    /// <summary>Whole numbers.</summary>
    public long[] Part(string name, IReadOnlyList<long> values)
    {
        long[] numbers = [.. values];
        if (_file is not null)
            return _file.ReadIntegers(_prefix + name);
        _parts.Add(TensorData.Integers(_prefix + name, TensorType.I64, [numbers.Length], numbers));
        return numbers;
    }

    /// <summary>Text or anything else that is written as bytes.</summary>
    public byte[] Part(string name, byte[] bytes)
    {
        if (_file is not null)
            return _file.ReadBytes(_prefix + name);
        _parts.Add(TensorData.Bytes(_prefix + name, bytes));
        return bytes;
    }

    /// <summary>A number, with all its bits.</summary>
    public double Part(string name, double value) => Only(name, Part(name, [value]));

    /// <summary>A whole number.</summary>
    public long Part(string name, long value) => Only(name, Part(name, [value]));

    /// <summary>A whole number.</summary>
    public int Part(string name, int value) => checked((int)Part(name, (long)value));

    /// <summary>Whole numbers.</summary>
    public int[] Part(string name, IReadOnlyList<int> values) =>
        [.. Part(name, (IReadOnlyList<long>)[.. values.Select(value => (long)value)])
            .Select(value => checked((int)value))];

    private T[] Host(View<T> values)
    {
        var host = new T[values.Shape.Count];
        _device.Download<T>(values, host);
        return host;
    }

    private TNumber Only<TNumber>(string name, TNumber[] numbers) => numbers is [var only]
        ? only
        : throw new CheckpointException(
            "a part of the state has another size", _file?.Path ?? "", _prefix + name, $"{numbers.Length} numbers",
            "one number",
            "remove the file");
}
