using Bam.Torch.Functions;
using Shouldly;
using Xunit;
using static Bam.Torch.Tests.Functions.CausalAttentionTests;

namespace Bam.Torch.Tests.Functions;

/// <summary>Each fused function against the same arithmetic in libtorch's operators under autograd.</summary>
public sealed class FusedFunctionTests
{
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData(5, 32)]   // the C# kernel
    [InlineData(5, 24)]   // no multiple of a vector: libtorch's operators
    [InlineData(100, 64)]
    public void SwiGlu_and_its_gradient(int rows, int width) => Compare(
        [Random([rows, width], 1)],
        x => SwiGluFunction.Apply(x[0]),
        x => x[0].Narrow(1, 0, width / 2).Silu() * x[0].Narrow(1, width / 2, width / 2));

    [Fact]
    public void Permuted_rows_sum_their_gradients()
    {
        LibTorch.Load();
        using var scope = TensorScope.Open();
        var source = Tensor.From<long>([2, 0, 1, 1, 2, 0], [6]);
        var inverse = Tensor.From<long>([1, 5, 2, 3, 0, 4], [6]);
        Compare([Random([3, 4], 1)], x => PermuteRowsFunction.Apply(x[0], source, inverse), x => x[0].IndexSelect(0, source));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Linear_adds_its_weight_gradient_in_place(bool inputFirst)
    {
        LibTorch.Load();
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("w", inputFirst ? [3, 5] : [5, 3])], Device.Cpu);
        using (NoGrad.Enter()) arena["w"].Copy_(Random(arena["w"].Shape, 2));
        var x = Random([2, 4, 3], 1);
        x.RequiresGrad = true;
        var y = LinearFunction.Apply(x, new Parameter(arena["w"], arena.GradientOf("w")), inputFirst);
        Autograd.Backward((y * y).Sum());
        var (gradX, gradW) = (x.Grad!.Clone(), arena.Gradients.Clone());

        arena.ZeroGradients();
        x.Grad!.Zero_();
        var plain = inputFirst ? x.MatMul(arena["w"]) : x.Linear(arena["w"]);
        Autograd.Backward((plain * plain).Sum());
        MaxDifference(gradX, x.Grad!).ShouldBeLessThan(Tolerance);
        MaxDifference(gradW, arena.Gradients).ShouldBeLessThan(Tolerance);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Linear_of_one_row_without_a_graph_is_the_same(bool inputFirst)
    {
        LibTorch.Load();
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("w", inputFirst ? [40, 70] : [70, 40])], Device.Cpu);
        using (NoGrad.Enter()) arena["w"].Copy_(Random(arena["w"].Shape, 2));
        var (x, weight) = (Random([1, 1, 40], 1), new Parameter(arena["w"], arena.GradientOf("w")));
        var expected = LinearFunction.Apply(x, weight, inputFirst);
        using var noGrad = NoGrad.Enter();
        var found = LinearFunction.Apply(x, weight, inputFirst);
        found.Shape.ToArray().ShouldBe([1, 1, 70]);
        MaxDifference(found, expected).ShouldBeLessThan(Tolerance);
    }

    [Fact]
    public void Frozen_weight_gets_no_gradient()
    {
        LibTorch.Load();
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("w", [5, 3])], Device.Cpu);
        arena["w"].RequiresGrad = false;
        var x = Random([4, 3], 1);
        x.RequiresGrad = true;
        Autograd.Backward(LinearFunction.Apply(x, new Parameter(arena["w"], arena.GradientOf("w"))).Sum());
        arena.Gradients.Abs().Max().Item<float>().ShouldBe(0);
        x.Grad.ShouldNotBeNull();
    }

    [Theory]
    [InlineData(64, 7, 1.0)]
    [InlineData(50, 7, 0.5)]       // no multiple of a vector
    [InlineData(5_000, 600, 2.0)]  // several chunks
    public void Linear_cross_entropy_and_its_gradients(int vocabulary, int rows, double scale)
    {
        LibTorch.Load();
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("head", [vocabulary, 8])], Device.Cpu);
        using (NoGrad.Enter()) arena["head"].Copy_(Random([vocabulary, 8], 2));
        var x = Random([rows, 8], 1);
        x.RequiresGrad = true;
        var targets = Tensor.From<long>([.. Enumerable.Range(0, rows).Select(row => row % 4 == 2 ? LinearCrossEntropyFunction.IgnoreIndex : row * 7 % vocabulary)], [rows]);
        var loss = LinearCrossEntropyFunction.Apply(x, new Parameter(arena["head"], arena.GradientOf("head")), targets, scale) * 3;
        Autograd.Backward(loss);
        var (value, gradX, gradHead) = (loss.Item<float>(), x.Grad!.Clone(), arena.Gradients.Clone());

        arena.ZeroGradients();
        x.Grad!.Zero_();
        var plain = (x.Linear(arena["head"]) * scale).CrossEntropy(targets) * 3;
        Autograd.Backward(plain);
        value.ShouldBe(plain.Item<float>(), 1e-4);
        MaxDifference(gradX, x.Grad!).ShouldBeLessThan(Tolerance);
        MaxDifference(gradHead, arena.Gradients).ShouldBeLessThan(Tolerance);
    }

    [Fact]
    public void Embedding_sums_the_gradients_of_repeated_ids()
    {
        LibTorch.Load();
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("table", [4, 3])], Device.Cpu);
        var ids = Tensor.From<long>([1, 1, 3], [1, 3]);
        var weights = Tensor.From<float>([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3]);
        Autograd.Backward((EmbeddingFunction.Apply(ids, new Parameter(arena["table"], arena.GradientOf("table"))) * weights).Sum());
        arena.Gradients.ToArray<float>().ShouldBe([0, 0, 0, 5, 7, 9, 0, 0, 0, 7, 8, 9]);
    }

    private static void Compare(Tensor[] inputs, Func<Tensor[], Tensor> fused, Func<Tensor[], Tensor> plain)
    {
        LibTorch.Load();
        using var scope = TensorScope.Open();
        var (output, gradients) = Run(fused);
        var (expected, expectedGradients) = Run(plain);
        MaxDifference(output, expected).ShouldBeLessThan(Tolerance);
        for (var i = 0; i < gradients.Length; i++) MaxDifference(gradients[i], expectedGradients[i]).ShouldBeLessThan(Tolerance);

        (Tensor Output, Tensor[] Gradients) Run(Func<Tensor[], Tensor> function)
        {
            Tensor[] copies = [.. inputs.Select(input => input.Clone())];
            foreach (var copy in copies) copy.RequiresGrad = true;
            var result = function(copies);
            Autograd.Backward((result * result).Sum());
            return (result.Detach(), [.. copies.Select(copy => copy.Grad!)]);
        }
    }
}
