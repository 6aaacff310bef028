using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

public sealed class LibTorchTests
{
    [Fact]
    public void Info_says_what_was_loaded_and_how()
    {
        var info = LibTorch.Info;

        info.Version.ShouldMatch(@"^\d+\.\d+\.\d+");
        File.Exists(info.Bridge).ShouldBeTrue();
        Directory.Exists(info.Directory).ShouldBeTrue();
        info.Attempts.ShouldContain(attempt => attempt.Contains("libtorch_cpu.so") && attempt.EndsWith("loaded", StringComparison.Ordinal));
        info.Threads.ShouldBe(Environment.ProcessorCount);
        info.AllocatorTuned.ShouldBeTrue();
        info.Environment.ShouldContain($"OMP_NUM_THREADS={Environment.ProcessorCount}");
        info.Blas.ShouldNotContain("Prescott");
    }
}
