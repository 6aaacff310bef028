using Bam.Torch.Functions;
using Bam.Torch.Kernels;
using Shouldly;
using Xunit;
using static Bam.Torch.Tests.Functions.CausalAttentionTests;

namespace Bam.Torch.Tests.Functions;

/// <summary>Attention with kept keys and values against attention over the whole sequence.</summary>
public sealed class CachedAttentionTests
{
    private const double Tolerance = 2e-5;

    [Theory]
    [MemberData(nameof(CausalAttentionTests.Shapes), MemberType = typeof(CausalAttentionTests))]
    public void Token_by_token_equals_the_whole(int b, int t, int n, int h, int g, int d, bool shared, double rotated, bool interleaved, int window) =>
        Compare(b, t, n, h, g, d, shared, rotated, interleaved, window, part: 1, CachedAttention.Apply);

    [Theory]
    [MemberData(nameof(CausalAttentionTests.Shapes), MemberType = typeof(CausalAttentionTests))]
    public void Operators_equal_the_whole_too(int b, int t, int n, int h, int g, int d, bool shared, double rotated, bool interleaved, int window)
    {
        Compare(b, t, n, h, g, d, shared, rotated, interleaved, window, part: 1, CachedAttention.ByOperators);
        Compare(b, t, n, h, g, d, shared, rotated, interleaved, window, part: 5, CachedAttention.ByOperators);
    }

    private static void Compare(
        int b, int t, int n, int h, int g, int d, bool shared, double rotated, bool interleaved, int window, int part,
        Func<Tensor, Tensor?, AttentionShape, RotaryTables, Tensor, Tensor, int, Tensor> attend)
    {
        LibTorch.Load();
        var shape = new AttentionShape(b, t, n * h, shared ? g : n * g, h, g, d, window);
        using var scope = TensorScope.Open();
        using var rotary = new RotaryTables(t, (int)(d * rotated), 10_000, interleaved, Device.Cpu);
        var (qkv, gates) = (Random([b, t, shape.Width], 1), n == 1 ? null : Random([b, t, n], 2));
        var expected = CausalAttention.Apply(qkv, gates, shape, rotary);
        var (keys, values) = (Memory(), Memory());
        for (var start = 0; start < t; start += part)
        {
            using var step = TensorScope.Open();
            var count = Math.Min(part, t - start);
            var found = attend(qkv.Narrow(1, start, count).Contiguous(), gates?.Narrow(1, start, count), shape with { Length = count }, rotary, keys, values, start);
            MaxDifference(found, expected.Narrow(1, start, count)).ShouldBeLessThan(Tolerance, $"tokens from {start}");
        }

        // NaN where nothing was written: it would show if it were read.
        Tensor Memory() => Tensor.Full([b, shape.KeyValueHeads, t + 3, d], double.NaN);
    }
}
