using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

public sealed class ParameterArenaTests : TorchTest
{
    [Fact]
    public void Parameters_are_leaves_over_one_buffer_in_order()
    {
        using var arena = NewArena();
        using var scope = TensorScope.Open();

        arena.Count.ShouldBe(2 + 6 + 8);
        arena.Names.ShouldBe(["norm", "weight", "experts"]);
        arena.OffsetOf("weight").ShouldBe(2);
        arena["weight"].Shape.ToArray().ShouldBe([3, 2]);
        arena["weight"].IsLeaf.ShouldBeTrue();
        arena["weight"].RequiresGrad.ShouldBeTrue();
        arena["weight"].DataPointer.ShouldBe(arena.Values.DataPointer + (2 * sizeof(float)));
        arena.Values.AsSpan<float>()[2] = 5;
        arena["weight"].ToArray<float>()[0].ShouldBe(5);
        Should.Throw<KeyNotFoundException>(() => arena["none"]);
    }

    [Fact]
    public void Parameters_that_are_only_read_take_no_memory_for_gradients()
    {
        using var arena = new ParameterArena([("norm", [2]), ("weight", [3, 2])], Device.Cpu, withGradients: false);
        arena.Gradients.Count.ShouldBe(0);
        arena["weight"].RequiresGrad.ShouldBeFalse();
        arena["weight"].DataPointer.ShouldBe(arena.Values.DataPointer + (2 * sizeof(float)));
    }

    [Fact]
    public void Backward_accumulates_in_place()
    {
        using var arena = NewArena();
        for (var repeat = 1; repeat <= 3; repeat++)
        {
            using var scope = TensorScope.Open();
            var y = Matrix(2, 1, 2).Linear(arena["weight"]);
            Autograd.Backward(y.Sum() + (arena["norm"] * 3).Sum());
            arena.AssertGradientsInPlace();
            arena.Gradients.ToArray<float>().AsSpan(0, 8).ToArray()
                .ShouldBe(new float[] { 3, 3, 1, 2, 1, 2, 1, 2 }.Select(value => value * repeat));
        }

        arena.GradientOf("norm").ToArray<float>().ShouldBe([9, 9]);
        arena.ZeroGradients();
        arena.Gradients.ToArray<float>().ShouldAllBe(value => value == 0);
        arena["norm"].Grad!.DetachFromScope().Dispose();
    }

    [Fact]
    public void Experts_taken_by_unbind_accumulate_in_place()
    {
        using var arena = NewArena();
        using var scope = TensorScope.Open();

        var experts = arena["experts"].Unbind();
        Autograd.Backward((experts[0] * 2).Sum() + experts[1].Sum());

        arena.AssertGradientsInPlace();
        arena.GradientOf("experts").ToArray<float>().ShouldBe([2, 2, 2, 2, 1, 1, 1, 1]);
    }

    [Fact]
    public void An_optimizer_step_over_the_whole_buffer_reaches_every_parameter()
    {
        using var arena = NewArena();
        using (TensorScope.Open())
        {
            using (NoGrad.Enter())
                arena.Values.Fill_(1);
            Autograd.Backward(arena["norm"].Square().Sum());
            using (NoGrad.Enter())
                arena.Values.Add_(arena.Gradients, -0.25);
            arena["norm"].ToArray<float>().ShouldBe([0.5f, 0.5f]);
            arena["weight"].ToArray<float>().ShouldAllBe(value => value == 1);

            // The next forward and backward see the new values without complaint.
            arena.ZeroGradients();
            Autograd.Backward(arena["norm"].Square().Sum());
            arena.GradientOf("norm").ToArray<float>().ShouldBe([1, 1]);
        }
    }

    [Fact]
    public void Writing_the_values_between_forward_and_backward_is_refused()
    {
        using var arena = NewArena();
        using var scope = TensorScope.Open();
        var loss = arena["norm"].Square().Sum();

        using (NoGrad.Enter())
            arena.Values.Add_(1);

        Should.Throw<TorchException>(() => Autograd.Backward(loss)).Message.ShouldContain("modified by an inplace operation");
    }

#if DEBUG
    [Fact]
    public void A_replaced_gradient_is_noticed()
    {
        using var arena = NewArena();
        using var scope = TensorScope.Open();

        arena["norm"].SetGrad(Tensor.Zeros([2]));

        Should.Throw<InvalidOperationException>(() => arena.AssertGradientsInPlace()).Message.ShouldContain("'norm'");
    }
#endif

    [Fact]
    public void It_outlives_the_scope_it_was_made_in_and_frees_everything_when_disposed_of()
    {
        var live = Tensor.LiveCount;
        ParameterArena arena;
        using (TensorScope.Open())
            arena = NewArena();

        arena["norm"].ToArray<float>().ShouldBe([0, 0]);
        arena.Dispose();
        arena.Dispose();

        Tensor.LiveCount.ShouldBe(live);
    }

    [Fact]
    public void Two_parameters_of_one_name_are_refused_and_nothing_is_left()
    {
        var live = Tensor.LiveCount;

        Should.Throw<ArgumentException>(() => new ParameterArena([("a", [1]), ("a", [2])], Device.Cpu))
            .Message.ShouldContain("'a'");

        Tensor.LiveCount.ShouldBe(live);
    }

    private static ParameterArena NewArena() => new([("norm", [2]), ("weight", [3, 2]), ("experts", [2, 2, 2])], Device.Cpu);
}
