using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

public sealed class TensorScopeTests : TorchTest
{
    [Fact]
    public void A_scope_frees_what_was_made_inside_it_also_by_callees()
    {
        Tensor inside;
        using (TensorScope.Open())
        {
            inside = MadeByACallee();
            inside.IsDisposed.ShouldBeFalse();
        }

        inside.IsDisposed.ShouldBeTrue();
        Should.Throw<ObjectDisposedException>(() => -inside);
        Should.Throw<ObjectDisposedException>(() => inside.Shape.Length);
    }

    [Fact]
    public void A_kept_tensor_moves_to_the_enclosing_scope_and_out_of_the_last_to_the_caller()
    {
        Tensor kept, twiceKept;
        using (var outer = TensorScope.Open())
        {
            using (var inner = TensorScope.Open())
            {
                (kept, twiceKept) = inner.Keep(Vector(1), Vector(2));
                outer.Keep(twiceKept);
            }

            kept.IsDisposed.ShouldBeFalse();
            kept.Item<float>().ShouldBe(1);
        }

        kept.IsDisposed.ShouldBeTrue();
        twiceKept.IsDisposed.ShouldBeFalse();
        twiceKept.Item<float>().ShouldBe(2);
        twiceKept.Dispose();
    }

    [Fact]
    public void Keeping_a_tensor_of_an_outer_scope_or_of_none_changes_nothing()
    {
        using var free = Vector(1);
        using (TensorScope.Open())
        {
            var outer = Vector(2);
            using (var inner = TensorScope.Open())
            {
                inner.Keep(outer);
                inner.Keep(free);
            }

            outer.IsDisposed.ShouldBeFalse();
            free.IsDisposed.ShouldBeFalse();
        }

        free.IsDisposed.ShouldBeFalse();
    }

    [Fact]
    public void An_exception_frees_every_scope_it_passes()
    {
        var live = Tensor.LiveCount;

        Should.Throw<InvalidOperationException>(() =>
        {
            using var outer = TensorScope.Open();
            Vector(1);
            using var inner = TensorScope.Open();
            inner.Keep(Vector(2));
            throw new InvalidOperationException("on the way");
        });

        Tensor.LiveCount.ShouldBe(live);
    }

    [Fact]
    public void Disposing_by_hand_inside_a_scope_frees_once()
    {
        using var scope = TensorScope.Open();
        var live = Tensor.LiveCount;
        var tensor = Vector(1);

        tensor.Dispose();
        tensor.Dispose();

        Tensor.LiveCount.ShouldBe(live);
    }

    [Fact]
    public void A_tensor_detached_from_its_scope_belongs_to_the_caller()
    {
        Tensor tensor;
        using (TensorScope.Open())
            tensor = Vector(3).DetachFromScope();

        tensor.Item<float>().ShouldBe(3);
        tensor.Dispose();
    }

    [Fact]
    public void A_scope_left_open_is_closed_with_its_parent()
    {
        Tensor forgotten;
        using (TensorScope.Open())
        {
            _ = TensorScope.Open();
            forgotten = Vector(1);
        }

        forgotten.IsDisposed.ShouldBeTrue();
    }

    [Fact]
    public void Many_tensors_in_nested_scopes_are_all_freed()
    {
        var live = Tensor.LiveCount;
        using (TensorScope.Open())
        {
            for (var i = 0; i < 50; i++)
            {
                using var inner = TensorScope.Open();
                for (var j = 0; j < 20; j++)
                    Vector(j);
                inner.Keep(Vector(i));
            }

            Tensor.LiveCount.ShouldBe(live + 50);
        }

        Tensor.LiveCount.ShouldBe(live);
    }

    [Fact]
    public void Each_thread_has_scopes_of_its_own()
    {
        using var scope = TensorScope.Open();
        var mine = Vector(1);
        Exception? failure = null;
        var worker = new Thread(() => failure = Record.Exception(() =>
        {
            TensorScope.OpenCount.ShouldBe(0);
            using var theirs = TensorScope.Open();
            var sum = mine + Vector(2);
            sum.Item<float>().ShouldBe(3);
            Should.Throw<InvalidOperationException>(mine.Dispose).Message.ShouldContain("another thread");
            Should.Throw<InvalidOperationException>(mine.DetachFromScope);
        }));

        worker.Start();
        worker.Join();

        failure.ShouldBeNull();
        mine.IsDisposed.ShouldBeFalse();
    }

    [Fact]
    public void A_tensor_outside_every_scope_is_reported_with_its_stack_in_debug_builds()
    {
        using var tensor = Vector(1, 2, 3);

        var report = TensorLeaks.Report();

#if DEBUG
        report.ShouldContain("Float32[3]");
        report.ShouldContain(nameof(A_tensor_outside_every_scope_is_reported_with_its_stack_in_debug_builds));
#else
        report.ShouldBeEmpty();
#endif
    }

    private static Tensor MadeByACallee() => Vector(1) + Vector(2);
}
