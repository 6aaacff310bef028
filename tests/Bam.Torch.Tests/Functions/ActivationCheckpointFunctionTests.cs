using Bam.Torch.Functions;
using Shouldly;
using Xunit;

namespace Bam.Torch.Tests.Functions;

public sealed class ActivationCheckpointFunctionTests : TorchTest
{
    [Fact]
    public void Backward_computes_the_part_again_once_and_gives_the_same_gradients()
    {
        using var scope = TensorScope.Open();
        var (x, weight) = (Leaf(Wave(4, 3)), Leaf(Wave(3).Cos()));
        var (plainX, plainWeight) = (Leaf(Wave(4, 3)), Leaf(Wave(3).Cos()));
        var passes = new List<bool>();

        var outputs = ActivationCheckpointFunction.Apply(x.Exp(), [weight], (input, isRepeated) =>
        {
            passes.Add(isRepeated);
            return [input * weight, (input * input).Sum()];
        });
        passes.ShouldBe([false]);
        Autograd.Backward(outputs[0].Square().Sum() + outputs[1] * 3);

        var plain = plainX.Exp();
        Autograd.Backward((plain * plainWeight).Square().Sum() + (plain * plain).Sum() * 3);
        passes.ShouldBe([false, true]);
        x.Grad!.ToArray<float>().ShouldBe(plainX.Grad!.ToArray<float>());
        weight.Grad!.ToArray<float>().ShouldBe(plainWeight.Grad!.ToArray<float>());
    }

    [Fact]
    public void Parts_can_stand_behind_and_inside_each_other()
    {
        using var scope = TensorScope.Open();
        var (x, plainX, weight) = (Leaf(Wave(5)), Leaf(Wave(5)), Leaf(Vector(2)));
        Tensor[] Inner(Tensor input, bool _) => [(input * weight).Exp()];
        Tensor[] Outer(Tensor input, bool _) => [ActivationCheckpointFunction.Apply(input.Cos(), [weight], Inner)[0] * 3];

        var y = ActivationCheckpointFunction.Apply(x, [weight], Outer)[0];
        Autograd.Backward(ActivationCheckpointFunction.Apply(y, [weight], Outer)[0].Sum());

        var plainY = (plainX.Cos() * 2).Exp() * 3;
        Autograd.Backward(((plainY.Cos() * 2).Exp() * 3).Sum());
        ShouldBeClose(x.Grad!, plainX.Grad!.ToArray<float>());
    }

    [Fact]
    public void Between_forward_and_backward_only_the_input_is_kept()
    {
        using var scope = TensorScope.Open();
        var (x, weight) = (Leaf(Wave(3)), Leaf(Vector(2)));
        var nodes = AutogradFunction.LiveCount;
        Tensor[] Part(Tensor input, bool _) => [Once.Apply(input * weight)];

        var y = ActivationCheckpointFunction.Apply(x, [weight], Part)[0];

        AutogradFunction.LiveCount.ShouldBe(nodes + 1);
        y.RequiresGrad.ShouldBeTrue();
    }

    [Fact]
    public void An_input_without_gradient_still_lets_the_parameters_learn()
    {
        using var scope = TensorScope.Open();
        var (x, weight) = (Vector(1, 2, 3), Leaf(Vector(2)));
        Autograd.Backward(ActivationCheckpointFunction.Apply(x, [weight], (input, _) => [input * weight])[0].Sum());
        weight.Grad!.ToArray<float>().ShouldBe([6]);
        x.Grad.ShouldBeNull();
    }

    [Fact]
    public void A_part_that_fails_in_backward_says_so_and_frees_everything()
    {
        using var scope = TensorScope.Open();
        var (x, weight) = (Leaf(Wave(3)), Leaf(Vector(2)));
        Tensor[] Part(Tensor input, bool isRepeated) =>
            isRepeated ? throw new InvalidOperationException("with a reason") : [input * weight];

        var y = ActivationCheckpointFunction.Apply(x, [weight], Part)[0];
        var error = Should.Throw<TorchException>(() => Autograd.Backward(y.Sum()));

        error.Message.ShouldContain("ActivationCheckpointFunction's backward failed: InvalidOperationException: with a reason");
        Autograd.IsEnabled.ShouldBeTrue();
    }

    private static Tensor Leaf(Tensor tensor)
    {
        tensor.RequiresGrad = true;
        return tensor;
    }

    private sealed class Once : AutogradFunction
    {
        public static Tensor Apply(Tensor x)
        {
            using var scope = TensorScope.Open();
            Tensor y;
            using (NoGrad.Enter()) y = x * 1;
            new Once().Attach([x], [y], [x]);
            return scope.Keep(y);
        }

        protected override void Backward(
            ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs) =>
            gradInputs[0] = gradOutputs[0]! * 1;
    }
}
