using System.Collections.Immutable;

namespace VaccineRef.Models;

/// <summary>One tensor of a safetensors file, as its checked header describes it.</summary>
/// <param name="Name">The checkpoint name, verbatim.</param>
/// <param name="Type">The element type in the file.</param>
/// <param name="Shape">Row-major extents; empty for a scalar.</param>
/// <param name="Offset">First byte, from the start of the file.</param>
/// <param name="Length">Bytes in the file.</param>
public sealed record TensorEntry(string Name, TensorType Type, ImmutableArray<long> Shape, long Offset, long Length)
{
    /// <summary>How many elements the tensor has.</summary>
    public long Count => Length / Type.Size;

    /// <summary>The type and shape as a message shows them: <c>F32 [4, 48]</c>.</summary>
    public override string ToString() => $"{Type.Name()} {Format(Shape)}";

    internal static string Format(ImmutableArray<long> shape) => $"[{string.Join(", ", shape)}]";

    /// <summary>The product of the extents times the element size; null when it leaves 64 bits.</summary>
    internal static long? Bytes(TensorType type, ImmutableArray<long> shape)
    {
        try
        {
            return shape.Aggregate(1L, (product, extent) => checked(product * extent)) is var count
                ? checked(count * type.Size)
                : null;
        }
        catch (OverflowException)
        {
            return null;
        }
    }
}
