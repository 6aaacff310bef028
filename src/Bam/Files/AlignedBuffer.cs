using System.Runtime.InteropServices;

namespace Bam.Files;

/// <summary>Native memory that begins at a page: the kernel copies whole pages, and the garbage collector neither moves nor counts it.</summary>
/// <typeparam name="T">The element.</typeparam>
/// <param name="length">How many elements.</param>
internal sealed unsafe class AlignedBuffer<T>(int length) : IDisposable
    where T : unmanaged
{
    private const int PageLength = 4096;

    private T* memory = (T*)NativeMemory.AlignedAlloc((nuint)length * (nuint)sizeof(T), PageLength);

    /// <summary>The whole buffer; what it holds at first is anything.</summary>
    public Span<T> Span => new(memory, memory is null ? throw new ObjectDisposedException(nameof(AlignedBuffer<T>)) : length);

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(memory);
        memory = null;
    }
}
