using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// Memory on loan from <see cref="Workers.Rent"/>: uninitialised, aligned to 64 bytes, never moved by the garbage
/// collector. Dispose it exactly once, in the method that rented it; the pointer must not be used after that.
/// </summary>
public readonly unsafe struct RentedMemory : IDisposable
{
    /// <summary>The alignment of <see cref="Start"/> in bytes: a cache line, and a 512-bit vector.</summary>
    public const int Alignment = 64;

    private readonly RentedMemoryPool _owner;
    private readonly byte[] _buffer;

    internal RentedMemory(RentedMemoryPool owner, byte[] buffer)
    {
        _owner = owner;
        _buffer = buffer;
    }

    /// <summary>The address of the first byte.</summary>
    public void* Start
    {
        get
        {
            // The array is pinned for life, so its address outlives the fixed statement.
            fixed (byte* first = _buffer)
                return (void*)(((nuint)first + (Alignment - 1)) & ~(nuint)(Alignment - 1));
        }
    }

    /// <summary>Gives the memory back, so that it can be rented again.</summary>
    public void Dispose() => _owner.Return(_buffer);
}

/// <summary>
/// The buffers behind <see cref="RentedMemory"/>: slots that are emptied and filled by exchange, so that no lock
/// is needed.
/// </summary>
/// <param name="slots">How many idle buffers to keep.</param>
internal sealed class RentedMemoryPool(int slots)
{
    private readonly byte[]?[] _idle = new byte[]?[slots];

    public RentedMemory Rent(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, Array.MaxLength - RentedMemory.Alignment);
        int need = (int)bytes + RentedMemory.Alignment;
        byte[]? small = null;
        for (int i = 0; i < _idle.Length; i++)
        {
            if (Interlocked.Exchange(ref _idle[i], null) is not { } taken)
                continue;
            if (small is not null)
                Return(small);
            if (taken.Length >= need)
                return new RentedMemory(this, taken);
            small = taken;
        }

        // A buffer too small makes way for its larger successor; powers of two keep the successors few. The pinned
        // heap instead of native memory: a team that is never disposed leaks nothing.
        int room = (int)Math.Min(BitOperations.RoundUpToPowerOf2((uint)need), (uint)Array.MaxLength);
        return new RentedMemory(this, GC.AllocateUninitializedArray<byte>(room, pinned: true));
    }

    public void Return(byte[] buffer)
    {
        for (int i = 0; i < _idle.Length; i++)
        {
            if (Interlocked.CompareExchange(ref _idle[i], buffer, null) is null)
                return;
        }
    }
}
