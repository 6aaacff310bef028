using System.Runtime.InteropServices;

namespace Bam.Files;

/// <summary>
/// Page-aligned native memory: the kernel copies whole pages, and the garbage collector neither moves nor counts it.
/// </summary>
internal sealed unsafe class AlignedBuffer<T>(int length) : IDisposable
    where T : unmanaged
{
    private const int PageLength = 4096;

    private T* memory = (T*)NativeMemory.AlignedAlloc((nuint)length * (nuint)sizeof(T), PageLength);

    /// <summary>The whole buffer, initially undefined.</summary>
    public Span<T> Span => new(memory, memory is null ? throw new ObjectDisposedException(nameof(AlignedBuffer<T>)) : length);

    public void Dispose()
    {
        NativeMemory.AlignedFree(memory);
        memory = null;
    }
}
