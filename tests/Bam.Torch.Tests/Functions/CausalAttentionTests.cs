using Bam.Torch.Functions;
using Bam.Torch.Kernels;
using Shouldly;
using Xunit;

namespace Bam.Torch.Tests.Functions;

/// <summary>The fused kernel against libtorch's own operators, forward and backward.</summary>
public sealed class CausalAttentionTests : TorchTest
{
    private const double Tolerance = 2e-5;

    public static TheoryData<int, int, int, int, int, int, bool, double, bool, int> Shapes => new()
    {
        // B, T, N, H, G, D, shared, rotated part, interleaved, window
        { 2, 7, 1, 4, 4, 16, false, 1, false, int.MaxValue },
        { 2, 48, 4, 4, 2, 16, false, 1, true, int.MaxValue },
        { 1, 49, 3, 4, 2, 32, true, 0.5, false, int.MaxValue },
        { 2, 130, 4, 2, 1, 64, true, 1, false, int.MaxValue },
        { 1, 256, 2, 2, 2, 48, false, 0.25, true, int.MaxValue },
        { 2, 60, 3, 2, 1, 16, false, 1, false, 1 },
        { 1, 130, 2, 4, 2, 32, true, 1, false, 50 },
        { 2, 49, 1, 2, 2, 16, false, 0.5, true, 49 },
        { 1, 250, 3, 2, 1, 16, false, 1, false, 60 },  // whole blocks lie before the window, several inside
    };

    [SkippableTheory]
    [MemberData(nameof(Shapes))]
    public void Kernel_equals_operators(
        int b, int t, int n, int h, int g, int d, bool shared, double rotated, bool interleaved, int window)
    {
        var shape = new AttentionShape(b, t, n * h, shared ? g : n * g, h, g, d, window);
        Skip.IfNot(CausalAttentionKernel.Supports(shape), "this processor has neither AVX-512 nor AVX2 with FMA");
        using var scope = TensorScope.Open();
        using var rotary = new RotaryTables(t, (int)(d * rotated), 10_000, interleaved, Device.Cpu);
        var (qkv, gates) = (Random([b, t, shape.Width], 1), n == 1 ? null : Random([b, t, n], 2));
        var weights = Random([b, t, n * h * d], 3);

        var (expected, expectedGradients) = Run(input => AttentionByOperators.Apply(input, rotary));
        var (found, foundGradients) = Run(input => AttentionByTrainingKernel.Apply(input, rotary));

        MaxDifference(found, expected).ShouldBeLessThan(Tolerance);
        for (var i = 0; i < expectedGradients.Length; i++)
            MaxDifference(foundGradients[i], expectedGradients[i]).ShouldBeLessThan(Tolerance * 10, $"gradient {i}");

        (Tensor Output, Tensor[] Gradients) Run(Func<AttentionInput, Tensor> attend)
        {
            Tensor?[] inputs = [qkv.Clone(), gates?.Clone()];
            foreach (var input in inputs) input?.RequiresGrad = true;
            var output = attend(AttentionInput.OfAll(inputs[0]!, inputs[1], shape));
            Autograd.Backward((output * weights).Sum());
            return (output.Detach(), [.. inputs.OfType<Tensor>().Select(input => input.Grad!)]);
        }
    }

    [Fact]
    public void Tokens_that_the_window_has_left_behind_do_not_matter()
    {
        using var scope = TensorScope.Open();
        var shape = new AttentionShape(1, 60, 2, 2, 2, 2, 16, Window: 10);
        using var rotary = new RotaryTables(60, 16, 10_000, false, Device.Cpu);
        var qkv = Random([1, 60, shape.Width], 5);
        var before = Attend(qkv, null, shape, rotary).Narrow(1, 30, 30).Contiguous();
        qkv.Narrow(1, 0, 21).Fill_(3);
        var after = Attend(qkv, null, shape, rotary).Narrow(1, 30, 30).Contiguous();
        after.ToArray<float>().ShouldBe(before.ToArray<float>());
        qkv.Narrow(1, 0, 22).Fill_(3);
        Attend(qkv, null, shape, rotary).Narrow(1, 30, 30).Contiguous().ToArray<float>().ShouldNotBe(before.ToArray<float>());
    }

    [Fact]
    public void Later_tokens_do_not_change_earlier_outputs()
    {
        using var scope = TensorScope.Open();
        var shape = new AttentionShape(1, 60, 2, 2, 2, 2, 16);
        using var rotary = new RotaryTables(60, 16, 10_000, false, Device.Cpu);
        var qkv = Random([1, 60, shape.Width], 5);
        var before = Attend(qkv, null, shape, rotary).Narrow(1, 0, 50).Contiguous();
        qkv.Narrow(1, 50, 10).Fill_(3);
        var after = Attend(qkv, null, shape, rotary).Narrow(1, 0, 50).Contiguous();
        after.ToArray<float>().ShouldBe(before.ToArray<float>());
    }

    [SkippableFact]
    public void What_does_not_fit_the_heads_is_refused()
    {
        var shape = new AttentionShape(1, 5, 4, 2, 2, 1, 16);
        Skip.IfNot(CausalAttentionKernel.Supports(shape), "this processor has neither AVX-512 nor AVX2 with FMA");
        using var scope = TensorScope.Open();
        using var rotary = new RotaryTables(5, 16, 10_000, false, Device.Cpu);
        using var wide = new RotaryTables(5, 32, 10_000, false, Device.Cpu);
        using var brief = new RotaryTables(4, 16, 10_000, false, Device.Cpu);
        var (qkv, gates) = (Random([1, 5, shape.Width], 1), Random([1, 5, 2], 2));

        Refused(
            () => Attend(qkv.Narrow(2, 0, 16), gates, shape, rotary),
            "expected Float32[1, 5, 128] on cpu, found Float32[1, 5, 16]");
        Refused(() => Attend(qkv, gates.To(ScalarType.Float64), shape, rotary), "found Float64[1, 5, 2]");
        Refused(() => Attend(qkv, gates.Narrow(2, 0, 1), shape, rotary), "found Float32[1, 5, 1]");
        Refused(() => Attend(qkv, gates, shape, wide), "expected a rotated width of at most 16 (head_dim), found 32");
        Refused(() => Attend(qkv, gates, shape, brief), "expected at most 4, found 5");

        static void Refused(Action call, string message) => Should.Throw<ArgumentException>(call).Message.ShouldContain(message);
    }

    internal static Tensor Attend(Tensor qkv, Tensor? gates, AttentionShape shape, RotaryTables rotary) =>
        Attention.Apply(AttentionInput.OfAll(qkv, gates, shape), rotary);

    internal static Tensor Random(ReadOnlySpan<long> shape, int seed)
    {
        var random = new Random(seed);
        var count = 1L;
        foreach (var size in shape) count *= size;
        var values = new float[count];
        for (var i = 0; i < values.Length; i++) values[i] = (float)(random.NextDouble() * 2 - 1);
        return Tensor.From<float>(values, shape);
    }

    // NaN is less than any tolerance.
    internal static double MaxDifference(Tensor x, Tensor y) =>
        (x - y).Abs().Max().Item<float>() is var most && float.IsNaN(most) ? double.PositiveInfinity : most;
}
