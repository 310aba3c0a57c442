using System.Buffers.Binary;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// The end of a Parquet file: its description as a struct of Thrift's compact protocol, the length of that, and the
/// letters PAR1. The reader of the library does not look where the description ends, and reads zeros for ever if it has
/// no end; so its shape is checked before. Sources: the Parquet format's README, "File format"; Thrift's specification
/// of the compact protocol.
/// </summary>
internal ref struct ParquetFooter
{
    private const int Tail = 8, DeepestNesting = 32;
    private const int Stop = 0, True = 1, False = 2, Byte = 3, I16 = 4, I32 = 5, I64 = 6, Double = 7, Binary = 8,
        List = 9, Set = 10, Map = 11, Struct = 12;

    private ReadOnlySpan<byte> _left;

    /// <summary>Requires that the description lies in the file and ends.</summary>
    /// <exception cref="InvalidDataException">It does not.</exception>
    public static void Require(ReadOnlySpan<byte> file)
    {
        uint length = file.Length < Tail ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(file[^Tail..]);
        if (length > file.Length - Tail)
            throw new InvalidDataException($"its footer has {length} bytes, and the file {file.Length}");
        new ParquetFooter { _left = file[^(Tail + (int)length)..^Tail] }.SkipStruct(0);
    }

    private void SkipStruct(int depth)
    {
        if (depth > DeepestNesting)
            throw new InvalidDataException("its footer is nested too deeply");
        for (byte head = Next(); head != Stop; head = Next())
        {
            // the id of the field, where it is not told by its distance from the last one
            if (head >> 4 == 0)
                Number();
            Skip(head & 15, depth, inList: false);
        }
    }

    private void Skip(int type, int depth, bool inList)
    {
        switch (type)
        {
            case True or False:
                if (inList)
                    Take(1);
                break;
            case Byte:
                Take(1);
                break;
            case I16 or I32 or I64:
                Number();
                break;
            case Double:
                Take(sizeof(double));
                break;
            case Binary:
                Take(Number());
                break;
            case List or Set:
                byte head = Next();
                for (ulong left = head >> 4 == 15 ? Number() : (ulong)(head >> 4); left > 0; left--)
                    Skip(head & 15, depth, inList: true);
                break;
            case Map:
                ulong pairs = Number();
                byte types = pairs == 0 ? (byte)0 : Next();
                for (; pairs > 0; pairs--)
                {
                    Skip(types >> 4, depth, inList: true);
                    Skip(types & 15, depth, inList: true);
                }

                break;
            case Struct:
                SkipStruct(depth + 1);
                break;
            default:
                throw new InvalidDataException($"its footer has a field of the unknown type {type}");
        }
    }

    private ulong Number()
    {
        ulong number = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte part = Next();
            number |= (ulong)(part & 127) << shift;
            if (part < 128)
                return number;
        }

        throw new InvalidDataException("its footer has a number without an end");
    }

    private byte Next()
    {
        byte first = _left.IsEmpty ? throw Ends() : _left[0];
        _left = _left[1..];
        return first;
    }

    private void Take(ulong bytes) => _left = bytes > (ulong)_left.Length ? throw Ends() : _left[(int)bytes..];

    private static InvalidDataException Ends() => new("its footer has no end");
}
