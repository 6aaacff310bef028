using Xunit;

namespace Bam.Tests;

/// <summary>Tests that compute: one after the other, because live tensors and resident memory are counted for the whole process.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LibTorchCollection
{
    public const string Name = "libtorch";
}
