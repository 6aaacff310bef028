namespace Bam.Torch;

/// <summary>How libtorch is set up when it is loaded. Everything has a default that suits training on this machine.</summary>
internal sealed record LibTorchOptions
{
    /// <summary>Threads of one operator; 0: OMP_NUM_THREADS if it is set, else the machine's cores.</summary>
    public int Threads { get; init; }

    /// <summary>Whether malloc keeps large blocks instead of returning each to the system.</summary>
    public bool TuneAllocator { get; init; } = true;

    /// <summary>Whether Debian's OpenMP build of OpenBLAS is taken in place of the one that the system's alternatives name.</summary>
    public bool PreferOpenMpBlas { get; init; } = true;
}
