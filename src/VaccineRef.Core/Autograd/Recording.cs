using System.Numerics;
using System.Runtime.InteropServices;

namespace VaccineRef.Core;

/// <summary>What the reverse pass under way wants of a node's gradient.</summary>
internal enum GradientRole : byte
{
    /// <summary>Nothing: no target lies behind this node.</summary>
    None,

    /// <summary>The gradient passes through this node on its way to a target.</summary>
    OnTheWay,

    /// <summary>The node is a target: its gradient stays until the tape is cleared.</summary>
    Target,
}

/// <summary>One value on a tape, and the call that made it. A leaf (a parameter or a constant) has no call.</summary>
internal struct Node<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public Op<T>? Op;                      // null for a leaf
    public int FirstInput, InputCount;     // a range of the recording's inputs
    public View<T> Value, Saved, Gradient;
    public ReadOnlyMemory<int> Ids;
    public RandomStream Random;
    public ValueState State;               // whether the value is in memory; ActivationMemory alone changes it
    public GradientRole Role;              // ReversePass alone changes it

    public readonly bool NeedsGradient => Role != GradientRole.None;

    public readonly bool IsInMemory => State is ValueState.Live or ValueState.Pinned or ValueState.Kept;
}

/// <summary>The calls of a tape in the order in which they ran, and how to run one of them again.</summary>
internal sealed class Recording<T>(Device device) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly List<Node<T>> _nodes = [];
    private readonly List<int> _inputs = [];
    private readonly Operands<T> _operands = new();

    public int Count => _nodes.Count;

    /// <summary>Forward runs of an op since the tape was made.</summary>
    public long Applied { get; private set; }

    public ref Node<T> this[int index] => ref CollectionsMarshal.AsSpan(_nodes)[index];

    /// <summary>Adds a node; a call names its inputs.</summary>
    /// <returns>Its index.</returns>
    public int Add(Node<T> node, params ReadOnlySpan<Tensor<T>> inputs)
    {
        (node.FirstInput, node.InputCount) = (_inputs.Count, inputs.Length);
        foreach (var input in inputs)
            _inputs.Add(input.Node);
        _nodes.Add(node);
        return _nodes.Count - 1;
    }

    public ReadOnlySpan<int> Inputs(in Node<T> node) =>
        CollectionsMarshal.AsSpan(_inputs).Slice(node.FirstInput, node.InputCount);

    /// <summary>What the call reads and writes, without gradients. The object is the same for every call.</summary>
    public Operands<T> OperandsOf(in Node<T> node)
    {
        var inputs = Inputs(node);
        _operands.Begin(inputs.Length, node.Value, node.Saved, node.Ids, node.Random);
        for (int i = 0; i < inputs.Length; i++)
            _operands.Input(i, this[inputs[i]].Value);
        return _operands;
    }

    /// <summary>Runs the call forward, into its value.</summary>
    public void Run(int index)
    {
        ref var node = ref this[index];
        device.Forward(node.Op!, OperandsOf(node));
        Applied++;
    }

    public void Clear()
    {
        _nodes.Clear();
        _inputs.Clear();
    }
}
