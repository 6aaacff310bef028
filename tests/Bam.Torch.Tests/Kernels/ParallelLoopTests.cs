using Bam.Torch.Kernels;
using Shouldly;
using Xunit;

namespace Bam.Torch.Tests.Kernels;

public sealed class ParallelLoopTests : TorchTest
{
    [Fact]
    public void Every_item_runs_once()
    {
        var runs = new int[1000];
        ParallelLoop.For(runs.Length, item => Interlocked.Increment(ref runs[item]));
        runs.ShouldAllBe(count => count == 1);
    }

    [SkippableFact]
    public void Items_run_side_by_side()
    {
        Skip.If(LibTorch.Info.Threads < 2, "one thread");
        using var rendezvous = new Barrier(2);
        var met = new bool[2];
        ParallelLoop.For(2, item => met[item] = rendezvous.SignalAndWait(TimeSpan.FromSeconds(30)));
        met.ShouldBe([true, true]);
    }

    [Fact]
    public void An_items_exception_comes_out()
    {
        var thrown = Should.Throw<InvalidOperationException>(
            () => ParallelLoop.For(100, item => _ = item == 42 ? throw new InvalidOperationException("42") : item));
        thrown.Message.ShouldBe("42");
    }
}
