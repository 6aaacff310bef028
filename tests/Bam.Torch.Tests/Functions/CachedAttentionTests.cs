using Bam.Torch.Functions;
using Bam.Torch.Kernels;
using Shouldly;
using Xunit;
using static Bam.Torch.Tests.Functions.CausalAttentionTests;

namespace Bam.Torch.Tests.Functions;

/// <summary>Attention with kept keys and values against attention over the whole sequence.</summary>
public sealed class CachedAttentionTests : TorchTest
{
    private const double Tolerance = 2e-5;

    [Theory]
    [MemberData(nameof(CausalAttentionTests.Shapes), MemberType = typeof(CausalAttentionTests))]
    public void Token_by_token_equals_the_whole(
        int b, int t, int n, int h, int g, int d, bool shared, double rotated, bool interleaved, int window) =>
        Compare(
            b, t, n, h, g, d, shared, rotated, interleaved, window, part: 1,
            (input, rotary, past) => Attention.Apply(input, rotary, past));

    [Theory]
    [MemberData(nameof(CausalAttentionTests.Shapes), MemberType = typeof(CausalAttentionTests))]
    public void Operators_equal_the_whole_too(
        int b, int t, int n, int h, int g, int d, bool shared, double rotated, bool interleaved, int window)
    {
        Compare(b, t, n, h, g, d, shared, rotated, interleaved, window, part: 1, AttentionByOperators.Apply);
        Compare(b, t, n, h, g, d, shared, rotated, interleaved, window, part: 5, AttentionByOperators.Apply);
    }

    [SkippableFact]
    public void Kept_keys_and_values_that_do_not_fit_are_refused()
    {
        var shape = new AttentionShape(2, 1, 4, 2, 2, 1, 16);
        Skip.IfNot(CausalAttentionKernel.Supports(shape), "this processor has neither AVX-512 nor AVX2 with FMA");
        using var scope = TensorScope.Open();
        using var rotary = new RotaryTables(8, 16, 10_000, false, Device.Cpu);
        var (qkv, memory) = (Random([2, 1, shape.Width], 1), Tensor.Zeros([2, 2, 3, 16]));

        Refused(memory, memory, start: 3, "expected 0 … 2, as there is room for 3 tokens, found 3");
        Refused(memory, memory, start: -1, "found -1");
        Refused(
            memory, Tensor.Zeros([2, 2, 2, 16]), start: 0, "expected Float32[2, 2, 3, 16] on cpu, found Float32[2, 2, 2, 16]");
        Refused(memory.To(ScalarType.Float64), memory, start: 0, "found Float64[2, 2, 3, 16]");
        Refused(Tensor.Zeros([2, 3, 2, 16]).Transpose(1, 2), memory, start: 0, "Float32[2, 2, 3, 16] with gaps");

        void Refused(Tensor keys, Tensor values, int start, string message) =>
            Should.Throw<ArgumentException>(
                () => Attention.Apply(AttentionInput.OfAll(qkv, null, shape), rotary, new(keys, values, start)))
                .Message.ShouldContain(message);
    }

    private static void Compare(
        int b, int t, int n, int h, int g, int d, bool shared, double rotated, bool interleaved, int window, int part,
        Func<AttentionInput, RotaryTables, PastTokens, Tensor> attend)
    {
        var shape = new AttentionShape(b, t, n * h, shared ? g : n * g, h, g, d, window);
        using var scope = TensorScope.Open();
        using var rotary = new RotaryTables(t, (int)(d * rotated), 10_000, interleaved, Device.Cpu);
        var (qkv, gates) = (Random([b, t, shape.Width], 1), n == 1 ? null : Random([b, t, n], 2));
        var expected = AttentionByOperators.Apply(AttentionInput.OfAll(qkv, gates, shape), rotary);
        var (keys, values) = (Memory(), Memory());
        for (var start = 0; start < t; start += part)
        {
            using var step = TensorScope.Open();
            var count = Math.Min(part, t - start);
            var input = AttentionInput.OfAll(
                qkv.Narrow(1, start, count).Contiguous(), gates?.Narrow(1, start, count), shape with { Length = count });
            var found = attend(input, rotary, new(keys, values, start));
            MaxDifference(found, expected.Narrow(1, start, count)).ShouldBeLessThan(Tolerance, $"tokens from {start}");
        }

        // NaN where nothing was written: it would show if it were read.
        Tensor Memory() => Tensor.Full([b, shape.KeyValueHeads, t + 3, d], double.NaN);
    }
}
