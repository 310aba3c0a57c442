namespace VaccineRef.Models;

/// <summary>
/// The element types of safetensors that this program reads. They stand in the order in which the reference
/// implementation ranks them, so that sorting by descending type keeps every tensor of a file aligned.
/// </summary>
public enum TensorType
{
    /// <summary>A byte: 0 is false.</summary>
    Bool,

    /// <summary>Unsigned, 8 bits.</summary>
    U8,

    /// <summary>Signed, 8 bits.</summary>
    I8,

    /// <summary>Signed, 16 bits.</summary>
    I16,

    /// <summary>Unsigned, 16 bits.</summary>
    U16,

    /// <summary>IEEE 754 binary16.</summary>
    F16,

    /// <summary>bfloat16: the upper half of a binary32.</summary>
    BF16,

    /// <summary>Signed, 32 bits.</summary>
    I32,

    /// <summary>Unsigned, 32 bits.</summary>
    U32,

    /// <summary>IEEE 754 binary32.</summary>
    F32,

    /// <summary>IEEE 754 binary64.</summary>
    F64,

    /// <summary>Signed, 64 bits.</summary>
    I64,

    /// <summary>Unsigned, 64 bits.</summary>
    U64,
}

/// <summary>Names and sizes of the element types.</summary>
public static class TensorTypes
{
    internal static string Known { get; } = string.Join(", ", Enum.GetValues<TensorType>().Select(type => type.Name()));

    extension(TensorType type)
    {
        /// <summary>The name in a safetensors header.</summary>
        public string Name() => type == TensorType.Bool ? "BOOL" : type.ToString();

        /// <summary>Bytes of one element.</summary>
        public int Size => type switch
        {
            TensorType.Bool or TensorType.U8 or TensorType.I8 => 1,
            TensorType.I16 or TensorType.U16 or TensorType.F16 or TensorType.BF16 => 2,
            TensorType.I32 or TensorType.U32 or TensorType.F32 => 4,
            _ => 8,
        };

        /// <summary>True of F64, F32, F16 and BF16.</summary>
        public bool IsFloat => type is TensorType.F64 or TensorType.F32 or TensorType.F16 or TensorType.BF16;
    }

    internal static bool TryParse(string name, out TensorType type)
    {
        foreach (var candidate in Enum.GetValues<TensorType>())
        {
            type = candidate;
            if (candidate.Name() == name)
                return true;
        }

        type = default;
        return false;
    }
}
