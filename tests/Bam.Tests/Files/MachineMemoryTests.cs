using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class MachineMemoryTests
{
    [Fact]
    public void The_machines_memory_is_known() => MachineMemory.Bytes().ShouldNotBeNull().ShouldBeGreaterThan(1L << 20);
}
