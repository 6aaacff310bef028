using Xunit;

namespace Bam.Server.Tests;

/// <summary>Tests with a server run one after the other, because live tensors are counted per process.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ServerCollection
{
    public const string Name = "server";
}
