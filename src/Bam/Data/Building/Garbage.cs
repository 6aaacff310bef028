namespace Bam.Data.Building;

/// <summary>Collects garbage early: the collector by itself lets that of large arrays grow to hundreds of megabytes.</summary>
internal sealed class Garbage
{
    private const long MaxBytes = 1 << 25;

    private long collectedAt = GC.GetTotalAllocatedBytes();

    /// <summary>Collects if so much has been allocated since the last time that it could be more than 32 MiB.</summary>
    public void CollectIfMuch()
    {
        if (GC.GetTotalAllocatedBytes() - collectedAt < MaxBytes) return;
        Collect();
        collectedAt = GC.GetTotalAllocatedBytes();
    }

    /// <summary>Collects all and gives its pages back, in 10 to 40 ms.</summary>
    public static void Collect() =>
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
}
