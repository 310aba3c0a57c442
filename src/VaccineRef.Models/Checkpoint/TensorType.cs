namespace VaccineRef.Models;

/// <summary>
/// The element types of safetensors that this program reads. They stand in the order in which the reference
/// implementation ranks them, so that sorting by descending type keeps every tensor of a file aligned.
/// </summary>
public enum TensorType
{
    Bool, U8, I8, I16, U16, F16, BF16, I32, U32, F32, F64, I64, U64,
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

        /// <summary>True of I64 to U8; false of booleans and floats.</summary>
        public bool IsInteger => !type.IsFloat && type != TensorType.Bool;
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
