using Bam.Torch.Functions;
using Bam.Torch.Kernels;
using Shouldly;
using Xunit;

namespace Bam.Torch.Tests.Kernels;

public sealed class FewOutputsKernelTests : TorchTest
{
    private const float Tolerance = 1e-4f;

    [SkippableTheory]
    [InlineData(1, 4, 48)]
    [InlineData(63, 1, 16)]
    [InlineData(300, 4, 256)]
    [InlineData(700, 7, 48)]
    [InlineData(1030, 16, 80)]
    public void A_linear_map_with_few_outputs_has_the_products_and_gradients_of_matmul(int rows, int outputs, int depth)
    {
        Skip.IfNot(SmallGemm.IsSupported, "the processor has no AVX2");
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("w", [outputs, depth])], Device.Cpu);
        using (NoGrad.Enter()) arena.Values.Copy_(Numbers(outputs * depth, 1));
        var x = Numbers(rows * depth, 2).View(rows, depth);
        var factors = Numbers(rows * outputs, 3).View(rows, outputs);
        x.RequiresGrad = true;
        FewOutputsKernel.Supports(x, arena["w"]).ShouldBeTrue();
        arena.Gradients.Fill_(1);

        var y = LinearFunction.Apply(x, new Parameter(arena["w"], arena.GradientOf("w")));
        Autograd.Backward((y * factors).Sum());

        using var noGrad = NoGrad.Enter();
        Difference(y, x.MatMul(arena["w"].Transpose(0, 1))).ShouldBeLessThan(Tolerance);
        Difference(x.Grad!, factors.MatMul(arena["w"])).ShouldBeLessThan(Tolerance);
        Difference(arena.GradientOf("w"), factors.Transpose(0, 1).MatMul(x) + 1).ShouldBeLessThan(Tolerance);
    }

    [SkippableTheory]
    [InlineData(4)]
    [InlineData(8)]
    public void A_row_of_many_is_what_it_is_alone(int outputs)
    {
        Skip.IfNot(SmallGemm.IsSupported, "the processor has no AVX2");
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var weight = Numbers(outputs * 48, 1).View(outputs, 48);
        var x = Numbers(300 * 48, 2).View(300, 48);
        var all = LinearFunction.Apply(x, new Parameter(weight, weight));
        foreach (var row in new[] { 0, 63, 64, 299 })
        {
            LinearFunction.Apply(x.Narrow(0, row, 1), new Parameter(weight, weight)).ToArray<float>()
                .ShouldBe(all.Select(0, row).ToArray<float>());
        }
    }

    private static float Difference(Tensor first, Tensor second) => (first - second).Abs().Max().Item<float>();

    private static Tensor Numbers(int count, int seed)
    {
        var random = new Random(seed);
        return Tensor.From<float>([.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)], [count], Device.Cpu);
    }
}
