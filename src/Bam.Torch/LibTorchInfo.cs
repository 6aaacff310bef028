namespace Bam.Torch;

/// <summary>The libtorch in use, as <c>bam doctor</c> prints it and a run's identity records it.</summary>
internal sealed record LibTorchInfo
{
    /// <summary>The version, such as <c>1.13.0</c>.</summary>
    public required string Version { get; init; }

    /// <summary>The folder of its libraries.</summary>
    public required string Directory { get; init; }

    /// <summary>The bridge's file.</summary>
    public required string Bridge { get; init; }

    /// <summary>Every place that was tried, in order, each with its outcome.</summary>
    public required IReadOnlyList<string> Attempts { get; init; }

    /// <summary>Threads of one operator.</summary>
    public required int Threads { get; init; }

    /// <summary>Whether malloc was told to keep large blocks.</summary>
    public required bool AllocatorTuned { get; init; }

    /// <summary>The BLAS libraries mapped into this process; empty when libtorch brings its own inside.</summary>
    public required IReadOnlyList<string> BlasFiles { get; init; }

    /// <summary>What OpenBLAS says of itself, such as <c>OpenBLAS 0.3.21 … USE_OPENMP SapphireRapids</c>; else the name of the BLAS.</summary>
    public required string Blas { get; init; }

    /// <summary>The variables of the C libraries in force, such as <c>OMP_WAIT_POLICY=passive</c>.</summary>
    public required IReadOnlyList<string> Environment { get; init; }

    /// <summary>The processor's features that matter to the kernels, such as <c>avx2 fma avx512f</c>.</summary>
    public required string CpuFeatures { get; init; }

    /// <summary>How many CUDA devices it sees.</summary>
    public required int CudaDevices { get; init; }

    /// <summary>libtorch's own account of how it was built.</summary>
    public required string Configuration { get; init; }
}
