using System.Runtime.InteropServices;

namespace Bam.Torch.Kernels;

/// <summary>Aligned native memory that a work item cuts into pieces and gives back whole.</summary>
internal unsafe ref struct Scratch : IDisposable
{
    private const int Alignment = 64;
    private readonly float* memory;
    private readonly long capacity;
    private long used;

    /// <summary>Takes room for that many floats.</summary>
    public Scratch(long floats)
    {
        capacity = floats;
        memory = (float*)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), Alignment);
    }

    /// <summary>The next piece, uninitialised; multiples of 16 floats keep the pieces aligned.</summary>
    public float* Take(int floats)
    {
        if (used + floats > capacity) throw new InvalidOperationException("the scratch memory is smaller than its pieces");
        var piece = memory + used;
        used += floats;
        return piece;
    }

    /// <summary>Frees all pieces.</summary>
    public readonly void Dispose() => NativeMemory.AlignedFree(memory);
}
