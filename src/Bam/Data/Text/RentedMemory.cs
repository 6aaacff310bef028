using System.Buffers;
using System.Runtime.InteropServices;

namespace Bam.Data.Text;

/// <summary>
/// Memory for texts or their tokens that is used again: as garbage, long ones would be collected late. Thread-safe.
/// </summary>
/// <param name="maxLength">Longer arrays are not kept.</param>
/// <param name="count">The most arrays of each power of two in length that are kept.</param>
internal sealed class RentedMemory<T>(int maxLength, int count)
{
    // The shared pool would keep some for each thread and for each core.
    private readonly ArrayPool<T> arrays = ArrayPool<T>.Create(maxLength, count);

    public Memory<T> Rent(int length) => arrays.Rent(length).AsMemory(0, length);

    /// <summary>Takes rented memory back, which must not be used any more. A string's is left alone.</summary>
    public void Return(ReadOnlyMemory<T> memory)
    {
        if (MemoryMarshal.TryGetArray(memory, out var rented)) arrays.Return(rented.Array!);
    }
}
