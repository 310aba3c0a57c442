using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// Measures how far a gradient rule moves the hidden embeddings. It is an objective around another one: it computes the
/// same loss and compares each hidden embedding before and after the rule's tap. This works for any rule and changes no
/// number.
/// </summary>
public sealed class PerturbationMeter<T>(IObjective<T> inner) : IObjective<T>, IKeepsState<T>, IRemembersPasses
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private List<double> _epsilon = [], _hidden = [], _relative = [];
    private long _stateBefore;          // of the objective before a stop, and of other ranks: what it holds only grows
    private int _agreed;                // how many tokens all ranks know

    /// <inheritdoc/>
    public string Name => inner.Name;

    /// <inheritdoc/>
    public long StateBytes => Math.Max(_stateBefore, inner.StateBytes);

    /// <inheritdoc/>
    public IObjective<T> Aligning => ReferenceEquals(inner.Aligning, inner) ? this : inner.Aligning;

    /// <inheritdoc/>
    public IObjective<T> Layerwise => inner.Layerwise;

    /// <inheritdoc/>
    public IObjective<T> Entropy => inner.Entropy;

    /// <inheritdoc/>
    public Tensor<T> Hidden(Pass<T> pass, PackedBatch batch, int[] rows) => inner.Hidden(pass, batch, rows);

    /// <summary>Whether the next steps are measured, token by token.</summary>
    public bool IsOn { get; set; }

    /// <summary>The most bytes that a perturbation needed beside the tape.</summary>
    public long Bytes { get; private set; }

    /// <summary>Number of tokens measured.</summary>
    public int Tokens => _epsilon.Count;

    /// <summary>
    /// ||eps||, ||e|| and ||eps|| / ||e|| of a token in all layers together, averaged over the tokens.
    /// </summary>
    public (double Epsilon, double Hidden, double Relative) Means =>
        (_epsilon.Average(), _hidden.Average(), _relative.Average());

    /// <inheritdoc/>
    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        var watch = new Watch(pass.Tap, IsOn ? new double[batch.Rows] : [], IsOn ? new double[batch.Rows] : []);
        var loss = inner.Loss(pass with { Tap = watch }, batch);
        Bytes = Math.Max(Bytes, pass.Tap.StateBytes);
        if (!watch.HasMoved)
            return loss;
        for (int row = 0; row < watch.Epsilon.Length; row++)
        {
            double epsilon = Math.Sqrt(watch.Epsilon[row]), hidden = Math.Sqrt(watch.Hidden[row]);
            if (hidden == 0)
                continue;       // a row that no counted one sees, in a model of one block
            _epsilon.Add(epsilon);
            _hidden.Add(hidden);
            _relative.Add(epsilon / hidden);
        }

        return loss;
    }

    byte[] IRemembersPasses.Take()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(Bytes);
        writer.Write(StateBytes);
        foreach (double number in _epsilon.Skip(_agreed).Concat(_hidden.Skip(_agreed)).Concat(_relative.Skip(_agreed)))
            writer.Write(number);
        foreach (var list in (List<double>[])[_epsilon, _hidden, _relative])
            list.RemoveRange(_agreed, list.Count - _agreed);
        return bytes.ToArray();
    }

    void IRemembersPasses.Put(byte[] part)
    {
        using var reader = new BinaryReader(new MemoryStream(part));
        Bytes = Math.Max(Bytes, reader.ReadInt64());
        _stateBefore = Math.Max(_stateBefore, reader.ReadInt64());
        int count = (part.Length - (2 * sizeof(long))) / (3 * sizeof(double));
        foreach (var list in (List<double>[])[_epsilon, _hidden, _relative])
            for (int i = 0; i < count; i++)
                list.Add(reader.ReadDouble());
        _agreed = _epsilon.Count;
    }

    /// <inheritdoc/>
    public void Exchange(KeptState<T> state)
    {
        Bytes = state.Part("bytes", Bytes);
        _stateBefore = state.Part("state_bytes", StateBytes);
        _epsilon = [.. state.Part("epsilon", _epsilon)];
        _hidden = [.. state.Part("hidden", _hidden)];
        _relative = [.. state.Part("relative", _relative)];
        _agreed = _epsilon.Count;
        (inner as IKeepsState<T>)?.Exchange(state.Within("inner"));
    }

    private sealed class Watch(ITap<T> tap, double[] epsilon, double[] hidden) : ITap<T>
    {
        private readonly SquaredDistance<T> _distance = new();

        public double[] Epsilon => epsilon;

        public double[] Hidden => hidden;

        public bool HasMoved { get; private set; }

        public long StateBytes => tap.StateBytes;

        public bool ListensTo(SiteKind kind) => tap.ListensTo(kind);

        public bool Keeps(SiteKind kind) => tap.Keeps(kind);

        public Tensor<T> At(Site site, Tensor<T> before, Pass<T> pass)
        {
            var after = tap.At(site, before, pass);
            if (after.Value.Buffer == before.Value.Buffer && after.Value.Offset == before.Value.Offset)
                return after;
            HasMoved = true;
            if (epsilon.Length > 0)
            {
                // constants: no gradient flows through what is only looked at
                Tensor<T> from = pass.Tape.Constant(before.Value), to = pass.Tape.Constant(after.Value);
                Add(pass.Tape, from, to, epsilon);
                Add(pass.Tape, from, pass.Tape.Zeros(from.Shape), hidden);
            }

            return after;
        }

        private void Add(Tape<T> tape, Tensor<T> from, Tensor<T> to, double[] sums)
        {
            var rows = new T[sums.Length];
            tape.Device.Download(tape.Apply(_distance, [from, to]).Value, rows.AsSpan());
            for (int row = 0; row < rows.Length; row++)
                sums[row] += double.CreateChecked(rows[row]);
        }
    }
}
