using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// Reverse-mode differentiation: walks a recording from the loss back to its first call and asks each op on the way for
/// its vector-Jacobian product. The recording is in execution order, which is a topological order, so when a call's
/// turn comes, everything that used its result has already added to the result's gradient.
/// </summary>
internal sealed class ReversePass<T>(Device device, Arena arena, Recording<T> recording, ActivationMemory<T> memory)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Forgets the targets and the gradients of an earlier pass.</summary>
    public void Begin()
    {
        for (int i = 0; i < recording.Count; i++)
            (recording[i].Role, recording[i].Gradient) = (GradientRole.None, default);
    }

    /// <summary>
    /// Makes a node a target, whose gradient is added to <paramref name="gradient"/> if that is not empty.
    /// </summary>
    public void AddTarget(int index, View<T> gradient = default) =>
        (recording[index].Role, recording[index].Gradient) = (GradientRole.Target, gradient);

    /// <summary>Sets dL/dloss to <paramref name="seed"/> and carries it back to the targets.</summary>
    /// <returns>False if the loss depends on none of them.</returns>
    public bool Run(int loss, T seed)
    {
        memory.BeginReverse(loss);
        for (int i = 0; i <= loss; i++)
            MarkIfOnTheWay(ref recording[i]);
        if (!recording[loss].NeedsGradient)
            return false;
        device.Fill(GradientOf(loss), seed);
        for (int i = loss; i >= 0; i--)
        {
            memory.Restore(i);
            if (recording[i] is { Op: not null, NeedsGradient: true, Gradient.IsEmpty: false })
                StepBack(ref recording[i]);
        }

        return true;
    }

    /// <summary>The gradient of a node; where nothing was added to it yet, of zeros, or uninitialised.</summary>
    public View<T> GradientOf(int index, bool clear = true)
    {
        ref var node = ref recording[index];
        if (node.Gradient.IsEmpty)
            node.Gradient = arena.Allocate<T>(node.Value.Shape, clear);
        return node.Gradient;
    }

    // A call is on the way if one of its inputs is.
    private void MarkIfOnTheWay(ref Node<T> node)
    {
        foreach (int input in node.NeedsGradient ? [] : recording.Inputs(node))
            if (recording[input].NeedsGradient)
                node.Role = GradientRole.OnTheWay;
    }

    // dx_i += (dy/dx_i)' dy for every input that is on the way to a target.
    private void StepBack(ref Node<T> node)
    {
        var inputs = recording.Inputs(node);
        memory.GiveUpOutput(ref node);
        for (int i = 0; i < inputs.Length; i++)
            if (Reads(node, i))
                memory.Require(inputs[i]);

        var operands = recording.OperandsOf(node);
        operands.Dy = node.Gradient;
        bool any = false;
        for (int i = 0; i < inputs.Length; i++)
        {
            ref var input = ref recording[inputs[i]];
            if (!input.NeedsGradient)
                continue;
            bool adds = !input.Gradient.IsEmpty || !node.Op!.Overwrites(i) || inputs.Count(inputs[i]) > 1;
            operands.Input(i, input.Value, GradientOf(inputs[i], clear: adds), adds);
            any = true;
        }

        if (any)
            device.Backward(node.Op!, operands);
        memory.Drop(ref node);
        if (node.Role != GradientRole.Target)
            arena.Free(node.Gradient);
    }

    // Whether the op needs the values of input k for a gradient that is wanted.
    private bool Reads(in Node<T> node, int k)
    {
        var inputs = recording.Inputs(node);
        for (int i = 0; i < inputs.Length; i++)
            if (recording[inputs[i]].NeedsGradient && node.Op!.Reads(k, i))
                return true;
        return false;
    }
}
