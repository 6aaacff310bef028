using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

public sealed class AutogradTests
{
    [Fact]
    public void Backward_of_a_linear_layer_matches_the_hand_computed_gradients()
    {
        using var scope = TensorScope.Open();
        var x = Tensor.From<float>([1, 2, 3, 4], [2, 2]);
        var weight = Tensor.From<float>([1, -1, 0.5f, 2], [2, 2]);
        weight.RequiresGrad = true;

        var y = x.Linear(weight);
        Autograd.Backward(y.Sum());

        y.ToArray<float>().ShouldBe([-1f, 4.5f, -1f, 9.5f]);
        weight.Grad!.ToArray<float>().ShouldBe([4f, 6f, 4f, 6f]);
    }
}
