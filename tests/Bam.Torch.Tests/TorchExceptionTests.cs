using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

public sealed class TorchExceptionTests : TorchTest
{
    [Fact]
    public void The_message_names_the_operator_and_the_shapes()
    {
        using var scope = TensorScope.Open();

        var error = Should.Throw<TorchException>(() => Wave(2, 3).Linear(Wave(4, 5)));

        error.Operation.ShouldBe("aten::linear");
        error.Message.ShouldStartWith("aten::linear: ");
        error.Message.ShouldContain("Float32[2, 3], Float32[4, 5], None");
        error.Message.ShouldNotContain("frame #");
    }

    [Fact]
    public void Lists_of_tensors_are_described_too()
    {
        using var scope = TensorScope.Open();

        Should.Throw<TorchException>(() => Tensor.Cat([Wave(2, 3), Wave(3, 2)]))
            .Message.ShouldContain("[Float32[2, 3], Float32[3, 2]], 0");
    }

    [Fact]
    public void A_missing_operator_is_named_with_the_version()
    {
        Should.Throw<TorchException>(() => Operator.Get("aten::no_such_operator").Call())
            .Message.ShouldBe($"aten::no_such_operator: libtorch {LibTorch.Info.Version} has no such operator");
    }

    [Fact]
    public void After_an_error_the_next_call_works()
    {
        using var scope = TensorScope.Open();
        Should.Throw<TorchException>(() => Wave(2, 3).MatMul(Wave(2, 3)));

        Wave(2, 3).MatMul(Wave(3, 2)).Shape.ToArray().ShouldBe([2, 2]);
    }
}
