using Bam.Torch.Functions;
using Shouldly;
using Xunit;
using static Bam.Torch.Tests.Functions.CausalAttentionTests;

namespace Bam.Torch.Tests.Functions;

/// <summary>Each fused function against the same arithmetic in libtorch's operators under autograd.</summary>
public sealed class FusedFunctionTests : TorchTest
{
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData(5, 32)]   // the C# kernel
    [InlineData(5, 24)]   // no multiple of a vector: libtorch's operators
    [InlineData(100, 64)]
    public void SwiGlu_and_its_gradient(int rows, int width)
    {
        using var scope = TensorScope.Open();
        Compare(
            [Random([rows, width], 1)],
            x => SwiGluFunction.Apply(x[0]),
            x => x[0].Narrow(1, 0, width / 2).Silu() * x[0].Narrow(1, width / 2, width / 2));
    }

    [Theory]
    [InlineData(5, 1, 32)]    // the C# kernel
    [InlineData(5, 1, 24)]    // no multiple of a vector: libtorch's operators
    [InlineData(200, 1, 64)]  // several work items
    [InlineData(70, 3, 16)]   // a weight for each head
    public void RmsNorm_and_its_gradients(int rows, int norms, int width)
    {
        using var scope = TensorScope.Open();
        long[] shape = norms == 1 ? [width] : [norms, width];
        Compare(
            [Random([rows, .. shape], 1), Random(shape, 2)],
            x => RmsNormFunction.Apply(x[0], x[1], eps: 0.01) * 0.1,
            x => x[0] * (x[0].Square().Mean(-1, keepDim: true) + 0.01).Rsqrt() * x[1] * 0.1);
    }

    [Fact]
    public void RmsNorm_of_rows_with_gaps()
    {
        using var scope = TensorScope.Open();
        Compare(
            [Random([32, 6], 1), Random([32], 2)],
            x => RmsNormFunction.Apply(x[0].Transpose(0, 1), x[1], eps: 0.01),
            x => RmsNormFunction.Apply(x[0].Transpose(0, 1).Contiguous(), x[1], eps: 0.01));
        RmsNormFunction.Apply(Random([0, 32], 1), Random([32], 2), eps: 0.01).Shape.ToArray().ShouldBe([0, 32]);
    }

    [Fact]
    public void Permuted_rows_sum_their_gradients()
    {
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
    public void A_weight_that_was_changed_since_the_forward_pass_is_refused()
    {
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("other", [2]), ("w", [5, 3])], Device.Cpu);
        var x = Random([4, 3], 1);
        x.RequiresGrad = true;
        var loss = LinearFunction.Apply(x, new Parameter(arena["w"], arena.GradientOf("w")).Rows(1, 2)).Sum();
        using (NoGrad.Enter()) arena.Values.Add_(1);
        Should.Throw<TorchException>(() => Autograd.Backward(loss)).Message.ShouldContain("modified by an inplace operation");
    }

    [Fact]
    public void A_step_after_the_backward_passes_of_two_batches_is_none_of_these()
    {
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("w", [3, 3])], Device.Cpu);
        var weight = new Parameter(arena["w"], arena.GradientOf("w"));
        using (NoGrad.Enter()) arena.Values.Fill_(1);
        foreach (var expected in new[] { 12, 12 * 0.88f })  // Σ W·W·1 is 27·w² where all weights are w
        {
            for (var batch = 0; batch < 2; batch++)
                Autograd.Backward(LinearFunction.Apply(LinearFunction.Apply(Tensor.Ones([1, 3]), weight), weight).Sum());
            ShouldBeClose(arena.Gradients, [.. Enumerable.Repeat(expected, 9)]);
            using (NoGrad.Enter()) arena.Values.Add_(arena.Gradients, -0.01);
            arena.ZeroGradients();
        }
    }

    [Fact]
    public void Gradients_that_are_asked_for_leave_the_matrices_alone()
    {
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("w", [5, 3]), ("head", [16, 5]), ("bias", [16])], Device.Cpu);
        using (NoGrad.Enter()) arena.Values.Copy_(Random(arena.Values.Shape, 2));
        var x = Random([4, 3], 1);
        x.RequiresGrad = true;
        var loss = LinearCrossEntropyFunction.Apply(
            LinearFunction.Apply(x, Of("w")), Of("head"), Tensor.From<long>([1, 2, 3, 4]), logitScale: 1, Of("bias"));

        Autograd.Gradients(loss, x)[0]!.Abs().Max().Item<float>().ShouldBeGreaterThan(0);

        arena.Gradients.ToArray<float>().ShouldAllBe(gradient => gradient == 0);

        Parameter Of(string name) => new(arena[name], arena.GradientOf(name));
    }

    [Fact]
    public void Rows_of_rows_count_from_the_first_of_them()
    {
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("stack", [6, 2])], Device.Cpu);
        using (NoGrad.Enter()) arena.Values.Copy_(Tensor.Arange(12, ScalarType.Float32));
        using var noGrad = NoGrad.Enter();
        var rows = new Parameter(arena["stack"], arena.GradientOf("stack")).Rows(2, 3);

        rows.Rows(1, 2).Value.ToArray<float>().ShouldBe([6, 7, 8, 9]);
        rows.Rows(1, 2).Gradient.DataPointer.ShouldBe(arena.Gradients.DataPointer + 6 * sizeof(float));
        Should.Throw<ArgumentOutOfRangeException>(() => rows.Rows(2, 2))
            .Message.ShouldContain("expected rows of 0 … 2, found 2 rows from 2");
        Should.Throw<ArgumentOutOfRangeException>(() => rows.Rows(-1, 2));
    }

    [Fact]
    public void Frozen_weight_gets_no_gradient()
    {
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
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("head", [vocabulary, 8])], Device.Cpu);
        using (NoGrad.Enter()) arena["head"].Copy_(Random([vocabulary, 8], 2));
        var x = Random([rows, 8], 1);
        x.RequiresGrad = true;
        var ids = Enumerable.Range(0, rows)
            .Select(row => row % 4 == 2 ? LinearCrossEntropyFunction.IgnoreIndex : row * 7 % vocabulary);
        var targets = Tensor.From<long>([.. ids], [rows]);
        var loss = LinearCrossEntropyFunction.Apply(
            x, new Parameter(arena["head"], arena.GradientOf("head")), targets, scale) * 3;
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

    [Theory]
    [InlineData(64, 64)]  // the C# kernel
    [InlineData(64, -1)]
    [InlineData(50, 50)]  // libtorch's operators
    [InlineData(50, -1)]
    public void A_target_outside_the_vocabulary_is_refused(int vocabulary, long target)
    {
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("head", [vocabulary, 8])], Device.Cpu);
        var (x, head) = (Random([2, 8], 1), new Parameter(arena["head"], arena.GradientOf("head")));

        Should.Throw<ArgumentOutOfRangeException>(
            () => LinearCrossEntropyFunction.Apply(x, head, Tensor.From<long>([3, target]), 1))
            .Message.ShouldContain($"expected 0 … {vocabulary - 1}, or -100 for none, found {target}");
    }

    [Fact]
    public void Targets_are_int64_and_one_for_each_row_and_may_lie_apart()
    {
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("head", [16, 8])], Device.Cpu);
        using (NoGrad.Enter()) arena.Values.Copy_(Random(arena.Values.Shape, 2));
        var (x, head) = (Random([2, 8], 1), new Parameter(arena["head"], arena.GradientOf("head")));

        LossOf(Tensor.From<long>([3, 99, 5, 99], [2, 2]).Select(1, 0)).ShouldBe(LossOf(Tensor.From<long>([3, 5])));
        Should.Throw<ArgumentException>(() => LossOf(Tensor.From<int>([3, 5])))
            .Message.ShouldContain("expected Int64[2] on cpu, found Int32[2]");
        Should.Throw<ArgumentException>(() => LossOf(Tensor.From<long>([3]))).Message.ShouldContain("found Int64[1]");

        float LossOf(Tensor targets) => LinearCrossEntropyFunction.Apply(x, head, targets, 1).Item<float>();
    }

    [Fact]
    public void Ids_are_int64_and_may_lie_apart()
    {
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("table", [4, 1])], Device.Cpu);
        var table = new Parameter(arena["table"], arena.GradientOf("table"));

        Autograd.Backward(EmbeddingFunction.Apply(Tensor.From<long>([1, 0, 3, 0], [2, 2]).Select(1, 0), table).Sum());

        arena.Gradients.ToArray<float>().ShouldBe([0, 1, 0, 1]);
        Should.Throw<ArgumentException>(() => EmbeddingFunction.Apply(Tensor.From<int>([1, 3]), table))
            .Message.ShouldContain("found Int32[2]");
    }

    [Fact]
    public void Embedding_sums_the_gradients_of_repeated_ids()
    {
        using var scope = TensorScope.Open();
        using var arena = new ParameterArena([("table", [4, 3])], Device.Cpu);
        var ids = Tensor.From<long>([1, 1, 3], [1, 3]);
        var weights = Tensor.From<float>([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3]);
        Autograd.Backward(
            (EmbeddingFunction.Apply(ids, new Parameter(arena["table"], arena.GradientOf("table"))) * weights).Sum());
        arena.Gradients.ToArray<float>().ShouldBe([0, 0, 0, 5, 7, 9, 0, 0, 0, 7, 8, 9]);
    }

    private static void Compare(Tensor[] inputs, Func<Tensor[], Tensor> fused, Func<Tensor[], Tensor> plain)
    {
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
