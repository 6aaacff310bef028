namespace Bam.Experiments.Findings;

/// <summary>The machine and the libraries behind a run's numbers; part of its identity.</summary>
internal sealed record MachineDescription
{
    /// <summary>The processor's name.</summary>
    public required string Cpu { get; init; }

    /// <summary>Its cores.</summary>
    public required int Cores { get; init; }

    /// <summary>Main memory, in bytes.</summary>
    public required long Memory { get; init; }

    /// <summary>libtorch's version.</summary>
    public required string Libtorch { get; init; }

    /// <summary>The BLAS library that was mapped.</summary>
    public required string Blas { get; init; }

    /// <summary>The threads that training used.</summary>
    public required int Threads { get; init; }
}
