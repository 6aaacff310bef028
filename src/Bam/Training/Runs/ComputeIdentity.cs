namespace Bam.Training.Runs;

/// <summary>What computes a run. Two runs that differ here agree up to rounding only.</summary>
public sealed record ComputeIdentity
{
    /// <summary>Bam's version and commit.</summary>
    public required string Code { get; init; }

    /// <summary>libtorch's version.</summary>
    public required string LibTorch { get; init; }

    /// <summary>The library behind its matrix products on the CPU.</summary>
    public required string Blas { get; init; }

    /// <summary>The threads of a matrix product.</summary>
    public required int Threads { get; init; }

    /// <summary>"cpu" or "cuda:N".</summary>
    public required string Device { get; init; }

    /// <summary>The processor's vector instructions; kernels sum in another order when they differ.</summary>
    public required string CpuFeatures { get; init; }

    /// <summary>"libtorch 1.13.1, now 2.14.0" for the first difference, or null.</summary>
    public string? DifferenceTo(ComputeIdentity now)
    {
        (string Name, string Before, string Now)[] parts =
        [
            ("bam", Code, now.Code),
            ("libtorch", LibTorch, now.LibTorch),
            ("BLAS", Blas, now.Blas),
            ("threads", $"{Threads}", $"{now.Threads}"),
            ("device", Device, now.Device),
            ("processor", CpuFeatures, now.CpuFeatures),
        ];
        var different = parts.Where(p => p.Before != p.Now).Select(p => $"{p.Name} {p.Before}, now {p.Now}").ToArray();
        return different.Length == 0 ? null : string.Join("; ", different);
    }
}
