using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

public sealed class OperatorTests : TorchTest
{
    [Fact]
    public void Arithmetic_matches_hand_computed_values()
    {
        using var scope = TensorScope.Open();
        var a = Vector(1, 2, 4);
        var b = Vector(2, 0.5f, -1);

        (a + b).ToArray<float>().ShouldBe([3, 2.5f, 3]);
        (a - b).ToArray<float>().ShouldBe([-1, 1.5f, 5]);
        (a * b).ToArray<float>().ShouldBe([2, 1, -4]);
        (a / b).ToArray<float>().ShouldBe([0.5f, 4, -4]);
        (a + 1).ToArray<float>().ShouldBe([2, 3, 5]);
        (1 - a).ToArray<float>().ShouldBe([0, -1, -3]);
        (2 * a / 4).ToArray<float>().ShouldBe([0.5f, 1, 2]);
        (-a).ToArray<float>().ShouldBe([-1, -2, -4]);
        a.Square().ToArray<float>().ShouldBe([1, 4, 16]);
        a.Sqrt().ToArray<float>().ShouldBe([1, MathF.Sqrt(2), 2]);
        ShouldBeClose(a.Rsqrt(), 1, 0.70710678f, 0.5f);
        ShouldBeClose(b.Abs(), 2, 0.5f, 1);
        ShouldBeClose(Vector(0, 1).Exp(), 1, MathF.E);
        ShouldBeClose(Vector(0).Cos(), 1);
        Tensor.Arange(5).Remainder(3).ToArray<long>().ShouldBe([0, 1, 2, 0, 1]);
    }

    [Fact]
    public void A_number_stays_an_integer_or_not_as_it_was_written()
    {
        using var scope = TensorScope.Open();
        var integers = Tensor.Arange(3);

        (integers * 2 + 1).ToArray<long>().ShouldBe([1, 3, 5]);
        (2 - integers).ScalarType.ShouldBe(ScalarType.Int64);
        (integers * 2.0).ToArray<float>().ShouldBe([0, 2, 4]);
        (integers / 2).ToArray<float>().ShouldBe([0, 0.5f, 1]);
        (Vector(1) * 2).ScalarType.ShouldBe(ScalarType.Float32);
        (Vector(1) * 0.5f).Item<float>().ShouldBe(0.5f);
        integers.Clone().Add_(integers).Add_(1).ToArray<long>().ShouldBe([1, 3, 5]);
    }

    [Fact]
    public void Activations_match_hand_computed_values()
    {
        using var scope = TensorScope.Open();
        var x = Vector(-1, 0, 2);

        ShouldBeClose(x.Sigmoid(), 0.26894142f, 0.5f, 0.8807971f);
        ShouldBeClose(x.Silu(), -0.26894142f, 0, 1.7615942f);
        ShouldBeClose(x.Gelu(), -0.15865525f, 0, 1.9544997f);
        ShouldBeClose(x.Softmax(0), 0.042010067f, 0.11419519f, 0.8437947f);
        ShouldBeClose(x.LogSoftmax(0).Exp(), 0.042010067f, 0.11419519f, 0.8437947f);
        ShouldBeClose(x.LogSumExp(0), 2.1698459f);
        x.To(ScalarType.BFloat16).Softmax(0, ScalarType.Float32).ScalarType.ShouldBe(ScalarType.Float32);
    }

    [Fact]
    public void In_place_operators_change_their_tensor_and_return_it()
    {
        using var scope = TensorScope.Open();
        var a = Vector(1, 2);
        var b = Vector(3, 4);
        var live = Tensor.LiveCount;

        a.Add_(b).ShouldBeSameAs(a);
        a.ToArray<float>().ShouldBe([4, 6]);
        a.Add_(b, -1).Mul_(b).ToArray<float>().ShouldBe([3, 8]);
        a.Mul_(2).Add_(1).Add_(b, -1).Div_(b).Div_(2).ToArray<float>().ShouldBe([4f / 6, 13f / 8]);
        a.Copy_(b).ToArray<float>().ShouldBe([3, 4]);
        a.Fill_(2).AddCMul_(b, b, 0.5).ToArray<float>().ShouldBe([6.5f, 10]);
        a.Fill_(2).AddCDiv_(b, b, 0.5).ToArray<float>().ShouldBe([2.5f, 2.5f]);
        a.Zero_().Lerp_(b, 0.25).ToArray<float>().ShouldBe([0.75f, 1]);
        Tensor.LiveCount.ShouldBe(live);
    }

    [Fact]
    public void Products_match_hand_computed_values()
    {
        using var scope = TensorScope.Open();
        var a = Matrix(2, 1, 2, 3, 4);
        var b = Matrix(2, 0, 1, 1, 1);

        a.MatMul(b).ToArray<float>().ShouldBe([2, 3, 4, 7]);
        a.Linear(b).ToArray<float>().ShouldBe([2, 3, 4, 7]);
        a.Linear(b, Vector(10, 20)).ToArray<float>().ShouldBe([12, 23, 14, 27]);
        b.Clone().AddMm_(a, b, beta: 0).ToArray<float>().ShouldBe([2, 3, 4, 7]);
    }

    [Fact]
    public void Shapes_are_changed_as_they_are_in_PyTorch()
    {
        using var scope = TensorScope.Open();
        var x = Tensor.Arange(6, ScalarType.Float32).View(2, 3);

        x.Shape.ToArray().ShouldBe([2, 3]);
        x.Size(-1).ShouldBe(3);
        x.Reshape(3, -1).Shape.ToArray().ShouldBe([3, 2]);
        x.Transpose(0, 1).ToArray<float>().ShouldBe([0, 3, 1, 4, 2, 5]);
        x.Transpose(0, 1).IsContiguous.ShouldBeFalse();
        x.Transpose(0, 1).Contiguous().IsContiguous.ShouldBeTrue();
        x.Unsqueeze(0).Permute(2, 0, 1).Shape.ToArray().ShouldBe([3, 1, 2]);
        x.Narrow(1, 1, 2).ToArray<float>().ShouldBe([1, 2, 4, 5]);
        x.Select(0, 1).ToArray<float>().ShouldBe([3, 4, 5]);
        x.Slice(1, 0, 3, 2).ToArray<float>().ShouldBe([0, 2, 3, 5]);
        x.Unbind().Length.ShouldBe(2);
        x.Unbind(1)[2].ToArray<float>().ShouldBe([2, 5]);
        x.Split([1, 2], 1)[1].ToArray<float>().ShouldBe([1, 2, 4, 5]);
        Tensor.Cat([x, x], 1).Shape.ToArray().ShouldBe([2, 6]);
        Tensor.Stack([x, x]).Shape.ToArray().ShouldBe([2, 2, 3]);
        x.Unsqueeze(1).Squeeze(1).Shape.ToArray().ShouldBe([2, 3]);
        x.Unsqueeze(0).Expand(4, -1, -1).Shape.ToArray().ShouldBe([4, 2, 3]);
        Vector(1, 2).RepeatInterleave(2, 0).ToArray<float>().ShouldBe([1, 1, 2, 2]);
        x.Flatten().Shape.ToArray().ShouldBe([6]);
        x.To(ScalarType.Int64).ToArray<long>().ShouldBe([0, 1, 2, 3, 4, 5]);
        Should.Throw<ArgumentOutOfRangeException>(() => x.Size(2)).Message.ShouldContain("Float32[2, 3]");
    }

    [Fact]
    public void A_list_longer_than_the_inline_results_arrives_whole()
    {
        using var scope = TensorScope.Open();

        var rows = Tensor.Arange(100).Unbind();

        rows.Select(row => row.Item<long>()).ShouldBe(Enumerable.Range(0, 100).Select(i => (long)i));
    }

    [Fact]
    public void Reductions_match_hand_computed_values()
    {
        using var scope = TensorScope.Open();
        var x = Matrix(3, 3, 1, 2, 0, 5, 5);

        x.Sum().Item<float>().ShouldBe(16);
        x.Sum(0).ToArray<float>().ShouldBe([3, 6, 7]);
        x.Mean().Item<double>().ShouldBe(16.0 / 6, 1e-6);
        ShouldBeClose(x.Mean(1), 2, 10f / 3);
        x.Max().Item<float>().ShouldBe(5);
        Vector(3, 4).Norm().Item<float>().ShouldBe(5);
        x.TopK(2).Values.ToArray<float>().ShouldBe([3, 2, 5, 5]);
        x.TopK(1).Indices.ToArray<long>()[0].ShouldBe(0);
        x.ArgMax().ToArray<long>()[0].ShouldBe(0);
        x.IsFinite().All().Item<bool>().ShouldBeTrue();
        (x / 0).IsFinite().All().Item<bool>().ShouldBeFalse();
    }

    [Fact]
    public void Sorting_is_stable_in_both_directions()
    {
        using var scope = TensorScope.Open();
        var keys = Tensor.From<long>([2, 1, 2, 1, 2, 0]);

        keys.Sort().Values.ToArray<long>().ShouldBe([0, 1, 1, 2, 2, 2]);
        keys.ArgSort().ToArray<long>().ShouldBe([5, 1, 3, 0, 2, 4]);
        keys.ArgSort(descending: true).ToArray<long>().ShouldBe([0, 2, 4, 1, 3, 5]);
    }

    [Fact]
    public void Indexing_matches_hand_computed_values()
    {
        using var scope = TensorScope.Open();
        var x = Matrix(2, 1, 2, 3, 4, 5, 6);
        var rows = Tensor.From<long>([2, 0]);

        x.IndexSelect(0, rows).ToArray<float>().ShouldBe([5, 6, 1, 2]);
        x.Clone().IndexAdd_(0, rows, Tensor.Ones([2, 2])).ToArray<float>().ShouldBe([2, 3, 3, 4, 6, 7]);
        x.Gather(1, Tensor.From<long>([1, 0, 1], [3, 1])).ToArray<float>().ShouldBe([2, 3, 6]);
        x.Clone().Scatter_(1, Tensor.From<long>([1], [1, 1]), Matrix(1, 7)).ToArray<float>().ShouldBe([1, 7, 3, 4, 5, 6]);
        x.MaskedFill(x.Ne(2), 0).ToArray<float>().ShouldBe([0, 2, 0, 0, 0, 0]);
        Tensor.Ones([2, 2]).Triu(1).ToArray<float>().ShouldBe([0, 1, 0, 0]);
    }

    [Fact]
    public void Comparisons_match_hand_computed_values()
    {
        using var scope = TensorScope.Open();
        var a = Vector(1, 2, 3);
        var b = Vector(3, 2, 1);

        a.Gt(b).ToArray<bool>().ShouldBe([false, false, true]);
        a.Ge(b).ToArray<bool>().ShouldBe([false, true, true]);
        a.Ne(2).ToArray<bool>().ShouldBe([true, false, true]);
        a.Gt(b).LogicalOr(b.Gt(a)).ToArray<bool>().ShouldBe([true, false, true]);
    }

    [Fact]
    public void Layers_match_hand_computed_values()
    {
        using var scope = TensorScope.Open();
        var x = Matrix(2, 1, 3, 2, 6);
        var weight = Vector(1, 2);

        ShouldBeClose(x.LayerNorm(weight, eps: 0), -1, 2, -1, 2);
        ShouldBeClose(x.LayerNorm(weight, Vector(10, 0), eps: 0), 9, 2, 9, 2);
        x.Embedding(Tensor.From<long>([1, 0, 1])).ToArray<float>().ShouldBe([2, 6, 1, 3, 2, 6]);

        var ids = Tensor.From<long>([1, 0]);
        var first = MathF.Log(1 + MathF.Exp(-2));
        var second = MathF.Log(1 + MathF.Exp(4));
        ShouldBeClose(x.CrossEntropy(ids), (first + second) / 2);
        ShouldBeClose(x.CrossEntropy(ids, Reduction.None), first, second);
        ShouldBeClose(x.CrossEntropy(ids, Reduction.Sum), first + second);
        ShouldBeClose(x.CrossEntropy(ids, ignoreIndex: 0), first);
    }

    [Fact]
    public void Fused_attention_equals_the_written_out_one_where_it_exists()
    {
        using var scope = TensorScope.Open();
        if (!Tensor.HasScaledDotProductAttention)
        {
            Should.Throw<TorchException>(
                () => Wave(1, 1, 2, 4).ScaledDotProductAttention(Wave(1, 1, 2, 4), Wave(1, 1, 2, 4), true))
                .Message.ShouldContain("no such operator");
            return;
        }

        var (q, k, v) = (Wave(1, 2, 5, 4), Wave(1, 2, 5, 4).Cos(), Wave(1, 2, 5, 4).Square());
        var scores = q.MatMul(k.Transpose(-2, -1)) / 2;
        var mask = Tensor.Ones([5, 5], ScalarType.Bool).Triu(1);
        var expected = scores.MaskedFill(mask, double.NegativeInfinity).Softmax(-1).MatMul(v);

        ShouldBeClose(q.ScaledDotProductAttention(k, v, isCausal: true), expected.ToArray<float>());
    }

    [Fact]
    public void Existence_is_asked_without_calling()
    {
        Operator.Exists("aten::linear").ShouldBeTrue();
        Operator.Exists("aten::add", "Tensor").ShouldBeTrue();
        Operator.Exists("aten::add", "NoSuchOverload").ShouldBeFalse();
        Operator.Exists("aten::no_such_operator").ShouldBeFalse();
        Operator.Get("aten::relu").Schema.ShouldBe("aten::relu(Tensor self) -> Tensor");
    }

    [Fact]
    public unsafe void An_operator_that_is_asked_for_again_takes_no_more_memory()
    {
        fixed (byte* name = "aten::relu"u8, overload = "\0"u8)
            Native.bam_operator_find(name, overload).ShouldBe(Native.bam_operator_find(name, overload));
    }
}
