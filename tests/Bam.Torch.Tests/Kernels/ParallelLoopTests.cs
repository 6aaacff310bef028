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

    [Fact]
    public void Loops_of_a_function_run_every_item_once_each()
    {
        var runs = new int[200];
        var caller = Environment.CurrentManagedThreadId;
        var result = ParallelLoop.Together(() =>
        {
            Environment.CurrentManagedThreadId.ShouldBe(caller);
            for (var loop = 0; loop < 500; loop++)
                ParallelLoop.For(runs.Length, item => Interlocked.Increment(ref runs[item]));
            return 7;
        });
        result.ShouldBe(7);
        runs.ShouldAllBe(count => count == 500);
    }

    [SkippableFact]
    public void Items_of_a_functions_loop_run_side_by_side_also_within_another_function()
    {
        Skip.If(LibTorch.Info.Threads < 2, "one thread");
        using var rendezvous = new Barrier(2);
        var met = new bool[2];
        ParallelLoop.Together(() => ParallelLoop.Together(() =>
        {
            ParallelLoop.For(2, item => met[item] = rendezvous.SignalAndWait(TimeSpan.FromSeconds(30)));
            return true;
        }));
        met.ShouldBe([true, true]);
    }

    [Fact]
    public void An_exception_of_a_functions_loop_comes_out_and_the_next_loop_runs()
    {
        var runs = 0;
        Should.Throw<InvalidOperationException>(() => ParallelLoop.Together<int>(() =>
        {
            Should.Throw<InvalidOperationException>(
                () => ParallelLoop.For(100, item => _ = item == 42 ? throw new InvalidOperationException("42") : item));
            ParallelLoop.For(10, _ => Interlocked.Increment(ref runs));
            throw new InvalidOperationException("the function's");
        })).Message.ShouldBe("the function's");
        runs.ShouldBe(10);
        ParallelLoop.For(10, _ => Interlocked.Increment(ref runs));
        runs.ShouldBe(20);
    }
}
