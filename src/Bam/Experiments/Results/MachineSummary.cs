namespace Bam.Experiments.Results;

/// <summary>The machine and libraries of a run; figures of speed mean nothing without them.</summary>
/// <param name="Cpu">The processor's own name.</param>
/// <param name="Cores">Logical processors that this process may use.</param>
/// <param name="Memory">Bytes of memory available to this process.</param>
/// <param name="Libtorch">libtorch's version.</param>
/// <param name="Blas">The BLAS library that is mapped.</param>
/// <param name="Threads">libtorch's intra-op threads.</param>
/// <param name="Device">Where the models were trained: "cpu", "cuda:0".</param>
public sealed record MachineSummary(string Cpu, int Cores, long Memory, string Libtorch, string Blas, int Threads, string Device);
