using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

public sealed class DeterminismTests : TorchTest
{
    [Fact]
    public void A_forward_and_backward_with_gathers_and_sorts_repeats_bit_for_bit()
    {
        var first = Run();

        for (var i = 0; i < 5; i++)
            Run().ShouldBe(first);
    }

    /// <summary>Large enough to be split over threads, with every row gathered many times.</summary>
    private static float[] Run()
    {
        using var scope = TensorScope.Open();
        var table = Wave(64, 96);
        table.RequiresGrad = true;
        var weight = Wave(96, 96);
        weight.RequiresGrad = true;
        var ids = (Tensor.Arange(4096) * 37).Remainder(64);
        var order = ids.ArgSort();

        var rows = table.Embedding(ids).IndexSelect(0, order).Linear(weight);
        var loss = rows.CrossEntropy(ids) + rows.LogSumExp(-1).Square().Mean();
        Autograd.Backward(loss);

        return [loss.Item<float>(), .. table.Grad!.ToArray<float>(), .. weight.Grad!.ToArray<float>()];
    }
}
