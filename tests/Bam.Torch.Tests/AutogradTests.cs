using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

public sealed class AutogradTests : TorchTest
{
    [Fact]
    public void Backward_of_a_linear_layer_matches_the_hand_computed_gradients()
    {
        using var scope = TensorScope.Open();
        var x = Matrix(2, 1, 2, 3, 4);
        var weight = Leaf(Matrix(2, 1, -1, 0.5f, 2));

        var y = x.Linear(weight);
        Autograd.Backward(y.Sum());

        y.ToArray<float>().ShouldBe([-1f, 4.5f, -1f, 9.5f]);
        weight.Grad!.ToArray<float>().ShouldBe([4f, 6f, 4f, 6f]);
    }

    [Fact]
    public void Gradients_accumulate_over_backwards()
    {
        using var scope = TensorScope.Open();
        var w = Leaf(Vector(2, 3));
        w.Grad.ShouldBeNull();

        Autograd.Backward(w.Square().Sum());
        Autograd.Backward(w.Square().Sum());

        w.Grad!.ToArray<float>().ShouldBe([8, 12]);
    }

    [Fact]
    public void An_output_of_any_shape_takes_its_gradient()
    {
        using var scope = TensorScope.Open();
        var w = Leaf(Vector(2, 3));

        Autograd.Backward(w.Square(), Vector(1, 10));

        w.Grad!.ToArray<float>().ShouldBe([4, 60]);
    }

    [Fact]
    public void Gradients_are_asked_for_without_touching_the_leaves()
    {
        using var scope = TensorScope.Open();
        var (a, b, unused) = (Leaf(Vector(2)), Leaf(Vector(5)), Leaf(Vector(1)));

        var gradients = Autograd.Gradients((a * b).Sum(), a, b, unused);

        gradients[0]!.Item<float>().ShouldBe(5);
        gradients[1]!.Item<float>().ShouldBe(2);
        gradients[2].ShouldBeNull();
        a.Grad.ShouldBeNull();
    }

    [Fact]
    public void Nothing_is_recorded_under_NoGrad_and_it_nests()
    {
        using var scope = TensorScope.Open();
        var w = Leaf(Vector(1));

        using (NoGrad.Enter())
        {
            using (NoGrad.Enter())
                Autograd.IsEnabled.ShouldBeFalse();
            Autograd.IsEnabled.ShouldBeFalse();
            (-w).RequiresGrad.ShouldBeFalse();
        }

        Autograd.IsEnabled.ShouldBeTrue();
        (-w).RequiresGrad.ShouldBeTrue();
        (-w).IsLeaf.ShouldBeFalse();
        w.IsLeaf.ShouldBeTrue();
        w.Detach().RequiresGrad.ShouldBeFalse();
    }

    [Fact]
    public void A_loss_without_a_graph_or_with_many_elements_is_refused()
    {
        using var scope = TensorScope.Open();

        Should.Throw<TorchException>(() => Autograd.Backward(Vector(1))).Operation.ShouldBe("backward");
        Should.Throw<TorchException>(() => Autograd.Backward(-Leaf(Vector(1, 2)))).Message.ShouldContain("scalar");
        Should.Throw<TorchException>(() => Leaf(Tensor.Arange(2))).Message.ShouldContain("requires_grad");
    }

    private static Tensor Leaf(Tensor tensor)
    {
        tensor.RequiresGrad = true;
        return tensor;
    }
}
