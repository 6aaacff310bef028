using Xunit;

namespace Bam.Tests;

/// <summary>Tests that use libtorch run sequentially, because live tensors and resident memory are counted per process.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LibTorchCollection
{
    public const string Name = "libtorch";
}
