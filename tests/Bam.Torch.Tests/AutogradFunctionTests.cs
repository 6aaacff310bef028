using System.Runtime.CompilerServices;
using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

public sealed class AutogradFunctionTests : TorchTest
{
    [Fact]
    public void The_gradient_of_a_function_equals_finite_differences()
    {
        using var scope = TensorScope.Open();
        var gate = Leaf(Wave(3, 4).To(ScalarType.Float64));
        var up = Leaf(Wave(3, 4).Cos().To(ScalarType.Float64));
        var weight = Wave(3, 4).Exp().To(ScalarType.Float64);

        Autograd.Backward((SwiGlu.Apply(gate, up) * weight).Sum());

        AssertGradient(gate, up, gate, weight);
        AssertGradient(gate, up, up, weight);
    }

    [Fact]
    public void It_stands_in_the_middle_of_a_graph_as_libtorchs_own_operators_do()
    {
        using var scope = TensorScope.Open();
        var (a, b) = (Leaf(Wave(5)), Leaf(-Wave(5)));
        var (c, d) = (Leaf(Wave(5)), Leaf(-Wave(5)));

        Autograd.Backward(SwiGlu.Apply(a * 2, b.Exp()).Square().Sum());
        Autograd.Backward(((c * 2).Silu() * d.Exp()).Square().Sum());

        ShouldBeClose(a.Grad!, c.Grad!.ToArray<float>());
        ShouldBeClose(b.Grad!, d.Grad!.ToArray<float>());
    }

    [Fact]
    public void A_saved_output_arrives_with_its_value()
    {
        using var scope = TensorScope.Open();
        var x = Leaf(Vector(0, 1));

        Autograd.Backward(SavingItsOutput.Apply(x).Sum());

        ShouldBeClose(x.Grad!, 1, MathF.E);
    }

    [Fact]
    public void Only_needed_gradients_are_asked_for()
    {
        using var scope = TensorScope.Open();
        var (gate, up) = (Leaf(Wave(3)), Wave(3));
        SwiGlu.LastNeeds = [];

        Autograd.Backward(SwiGlu.Apply(gate, up).Sum());

        SwiGlu.LastNeeds.ShouldBe([true, false]);
        up.Grad.ShouldBeNull();
    }

    [Fact]
    public void An_output_without_a_gradient_gives_null_and_a_null_gradient_counts_as_zeros()
    {
        using var scope = TensorScope.Open();
        var x = Leaf(Vector(1, 2));

        var (first, second) = TwoOutputs.Apply(x);
        Autograd.Backward(second.Sum() + x.Sum());

        TwoOutputs.FirstGradientWasNull.ShouldBeTrue();
        x.Grad!.ToArray<float>().ShouldBe([1, 1]);
        first.RequiresGrad.ShouldBeTrue();
    }

    [Fact]
    public void A_function_that_no_gradient_reaches_is_not_asked_and_gives_none()
    {
        using var scope = TensorScope.Open();
        var (gate, x) = (Leaf(Wave(3)), Leaf(Wave(3)));
        SwiGlu.LastNeeds = [];

        var (first, second) = TwoOutputs.Apply(SwiGlu.Apply(gate, gate));
        Autograd.Backward(first.Sum() + second.Sum() + x.Sum());

        SwiGlu.LastNeeds.ShouldBeEmpty();
        gate.Grad.ShouldBeNull();
        x.Grad!.ToArray<float>().ShouldBe([1, 1, 1]);
    }

    [Fact]
    public void Without_a_need_for_gradients_no_node_is_made()
    {
        using var scope = TensorScope.Open();
        var nodes = AutogradFunction.LiveCount;

        SwiGlu.Apply(Wave(3), Wave(3)).RequiresGrad.ShouldBeFalse();
        using (NoGrad.Enter())
            SwiGlu.Apply(Leaf(Wave(3)), Wave(3)).RequiresGrad.ShouldBeFalse();

        AutogradFunction.LiveCount.ShouldBe(nodes);
    }

    [Fact]
    public void A_graph_dropped_without_backward_frees_tensors_nodes_and_managed_state()
    {
        var (tensors, nodes) = (Tensor.LiveCount, AutogradFunction.LiveCount);
        var state = DropAGraph();

        Tensor.LiveCount.ShouldBe(tensors);
        AutogradFunction.LiveCount.ShouldBe(nodes);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        state.IsAlive.ShouldBeFalse();
    }

    [Fact]
    public void A_backward_that_throws_arrives_whole_and_frees_everything()
    {
        var (tensors, nodes) = (Tensor.LiveCount, AutogradFunction.LiveCount);
        using (TensorScope.Open())
        {
            var x = Leaf(Vector(1, 2));

            var error = Should.Throw<TorchException>(() => Autograd.Backward(Throwing.Apply(x).Sum()));

            error.Message.ShouldContain("Throwing's backward failed: InvalidOperationException: with a reason");
            error.InnerException.ShouldBeOfType<InvalidOperationException>().StackTrace.ShouldNotBeNull();
            x.Grad.ShouldBeNull();
        }

        Tensor.LiveCount.ShouldBe(tensors);
        AutogradFunction.LiveCount.ShouldBe(nodes);
    }

    [Fact]
    public void A_saved_tensor_that_was_changed_since_is_refused()
    {
        using var scope = TensorScope.Open();
        var x = Leaf(Vector(1));
        var middle = x * 2;
        var y = SwiGlu.Apply(middle, middle);

        using (NoGrad.Enter())
            middle.Add_(1);

        Should.Throw<TorchException>(() => Autograd.Backward(y.Sum())).Message.ShouldContain("modified by an inplace operation");
    }

    [Fact]
    public void A_gradient_of_the_wrong_shape_is_refused()
    {
        using var scope = TensorScope.Open();

        Should.Throw<TorchException>(() => Autograd.Backward(WrongShape.Apply(Leaf(Vector(1, 2))).Sum()))
            .Message.ShouldContain("invalid gradient at index 0");
    }

    [Fact]
    public void An_output_that_is_an_input_or_has_a_history_is_refused()
    {
        using var scope = TensorScope.Open();
        var nodes = AutogradFunction.LiveCount;

        Should.Throw<TorchException>(() => Identity.Apply(Vector(1), Leaf(Vector(2)))).Message.ShouldContain("one of the inputs");
        Should.Throw<TorchException>(() => Identity.ApplyWithHistory(Leaf(Vector(1))))
            .Message.ShouldContain("already has a history");
        AutogradFunction.LiveCount.ShouldBe(nodes);
    }

    [Fact]
    public void An_output_may_be_a_view()
    {
        using var scope = TensorScope.Open();
        var x = Leaf(Vector(1, 2, 3, 4));

        Autograd.Backward((ViewOutput.Apply(x) * 3).Sum());

        x.Grad!.ToArray<float>().ShouldBe([6, 6, 6, 6]);
    }

    [Fact]
    public void A_function_stands_in_one_graph_only()
    {
        using var scope = TensorScope.Open();
        var function = new Identity();

        Should.Throw<InvalidOperationException>(() => function.AttachTwice(Leaf(Vector(1)))).Message.ShouldContain("Identity");
    }

    [Fact]
    public void Memory_is_flat_over_many_graphs_finished_and_dropped()
    {
        using var scope = TensorScope.Open();
        var (gate, up) = (Leaf(Wave(8)), Leaf(Wave(8)));
        Autograd.Backward(SwiGlu.Apply(gate, up).Sum());
        var (tensors, nodes) = (Tensor.LiveCount, AutogradFunction.LiveCount);

        for (var i = 0; i < 200; i++)
        {
            using var step = TensorScope.Open();
            var loss = SwiGlu.Apply(gate, SavingItsOutput.Apply(up)).Sum();
            if (i % 2 == 0)
                Autograd.Backward(loss);
        }

        Tensor.LiveCount.ShouldBe(tensors);
        AutogradFunction.LiveCount.ShouldBe(nodes);
    }

    private static Tensor Leaf(Tensor tensor)
    {
        tensor.RequiresGrad = true;
        return tensor;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference DropAGraph()
    {
        using var scope = TensorScope.Open();
        var function = new SwiGlu();
        _ = function.Run(Leaf(Wave(4)), Leaf(Wave(4))).Sum();
        AutogradFunction.LiveCount.ShouldBeGreaterThan(0);
        return new WeakReference(function);
    }

    /// <summary>Central differences in double precision.</summary>
    private static void AssertGradient(Tensor gate, Tensor up, Tensor input, Tensor weight)
    {
        const double step = 1e-5;
        using var scope = TensorScope.Open();
        var found = input.Grad!.ToArray<double>();
        using var noGrad = NoGrad.Enter();
        for (var i = 0; i < found.Length; i++)
        {
            var value = input.AsSpan<double>()[i];
            input.AsSpan<double>()[i] = value + step;
            var above = (SwiGlu.Apply(gate, up) * weight).Sum().Item<double>();
            input.AsSpan<double>()[i] = value - step;
            var below = (SwiGlu.Apply(gate, up) * weight).Sum().Item<double>();
            input.AsSpan<double>()[i] = value;
            found[i].ShouldBe((above - below) / (2 * step), 1e-7);
        }
    }

    /// <summary>silu(gate) · up.</summary>
    private sealed class SwiGlu : AutogradFunction
    {
        internal static bool[] LastNeeds { get; set; } = [];

        internal static Tensor Apply(Tensor gate, Tensor up) => new SwiGlu().Run(gate, up);

        internal Tensor Run(Tensor gate, Tensor up)
        {
            Tensor output;
            using (NoGrad.Enter())
                output = gate.Silu() * up;
            Attach([gate, up], [output], [gate, up]);
            return output;
        }

        protected override void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
        {
            LastNeeds = NeedsInputGrad.ToArray();
            var (gate, up, gradient) = (saved[0], saved[1], gradOutputs[0]!);
            var sigmoid = gate.Sigmoid();
            if (NeedsInputGrad[0])
                gradInputs[0] = gradient * up * sigmoid * (1 + (gate * (1 - sigmoid)));
            if (NeedsInputGrad[1])
                gradInputs[1] = gradient * gate * sigmoid;
        }
    }

    private sealed class SavingItsOutput : AutogradFunction
    {
        internal static Tensor Apply(Tensor x)
        {
            Tensor output;
            using (NoGrad.Enter())
                output = x.Exp();
            new SavingItsOutput().Attach([x], [output], [output]);
            return output;
        }

        protected override void Backward(
            ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs) =>
            gradInputs[0] = gradOutputs[0]! * saved[0];
    }

    private sealed class TwoOutputs : AutogradFunction
    {
        internal static bool FirstGradientWasNull { get; private set; }

        internal static (Tensor First, Tensor Second) Apply(Tensor x)
        {
            Tensor first, second;
            using (NoGrad.Enter())
                (first, second) = (x * 2, x * 3);
            new TwoOutputs().Attach([x], [first, second], []);
            return (first, second);
        }

        protected override void Backward(
            ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs) =>
            FirstGradientWasNull = gradOutputs[0] is null && gradOutputs[1] is not null;
    }

    private sealed class Throwing : AutogradFunction
    {
        internal static Tensor Apply(Tensor x)
        {
            Tensor output;
            using (NoGrad.Enter())
                output = x.Clone();
            new Throwing().Attach([x], [output], [x, output]);
            return output;
        }

        protected override void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
        {
            gradInputs[0] = gradOutputs[0]! * 2;
            throw new InvalidOperationException("with a reason");
        }
    }

    private sealed class WrongShape : AutogradFunction
    {
        internal static Tensor Apply(Tensor x)
        {
            Tensor output;
            using (NoGrad.Enter())
                output = x.Clone();
            new WrongShape().Attach([x], [output], []);
            return output;
        }

        protected override void Backward(
            ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs) =>
            gradInputs[0] = Tensor.Ones([3]);
    }

    private sealed class ViewOutput : AutogradFunction
    {
        internal static Tensor Apply(Tensor x)
        {
            Tensor output;
            using (NoGrad.Enter())
                output = (x * 2).View(2, 2);
            new ViewOutput().Attach([x], [output], []);
            return output;
        }

        protected override void Backward(
            ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs) =>
            gradInputs[0] = (gradOutputs[0]! * 2).Reshape(4);
    }

    private sealed class Identity : AutogradFunction
    {
        internal static void Apply(Tensor output, Tensor input) => new Identity().Attach([input, output], [output], []);

        internal static void ApplyWithHistory(Tensor input) => new Identity().Attach([input], [input * 2], []);

        internal void AttachTwice(Tensor input)
        {
            Attach([input], [Vector(1)], []);
            Attach([input], [Vector(1)], []);
        }

        protected override void Backward(
            ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs) =>
            gradInputs[0] = gradOutputs[0];
    }
}
