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

/// <summary>Chosen positions' attention with kept keys and values against that over the whole sequence.</summary>
public sealed class CachedRoutedAttentionTests : TorchTest
{
    private const double Tolerance = 2e-5;

    [Theory]
    [MemberData(nameof(RoutedAttentionTests.Shapes), MemberType = typeof(RoutedAttentionTests))]
    public void Token_by_token_equals_the_whole(
        int b, int t, int n, int k, int h, int g, int d, bool shared, double rotated, int window) =>
        Compare(
            new(b, t, n * h, shared ? g : n * g, h, g, d, window), k, rotated, part: 1,
            (input, rotary, past) => Attention.Apply(input, rotary, past));

    [Theory]
    [MemberData(nameof(RoutedAttentionTests.Shapes), MemberType = typeof(RoutedAttentionTests))]
    public void Operators_equal_the_whole_too(
        int b, int t, int n, int k, int h, int g, int d, bool shared, double rotated, int window)
    {
        var shape = new AttentionShape(b, t, n * h, shared ? g : n * g, h, g, d, window);
        Compare(shape, k, rotated, part: 1, AttentionByOperators.Apply);
        Compare(shape, k, rotated, part: 5, AttentionByOperators.Apply);
    }

    [SkippableFact]
    public void Rows_and_memory_that_do_not_fit_are_refused()
    {
        var shape = new AttentionShape(1, 1, 4, 2, 2, 1, 16);
        Skip.IfNot(CausalAttentionKernel.Supports(shape), "this processor has neither AVX-512 nor AVX2 with FMA");
        using var scope = TensorScope.Open();
        using var rotary = new RotaryTables(8, 16, 10_000, false, Device.Cpu);
        var (queries, keysAndValues, memory) = (Tensor.Zeros([1, 32]), Tensor.Zeros([1, 1, 64]), Tensor.Zeros([1, 2, 3, 16]));

        Refused(QueryRows.Chosen(shape, [1], start: 1), start: 2, "from position 2");
        Refused(QueryRows.Chosen(shape, [1], start: 3), start: 3, "expected 0 … 2");

        void Refused(QueryRows rows, int start, string message) => Should.Throw<ArgumentException>(
            () => Attention.Apply(
                AttentionInput.OfChosen(queries, keysAndValues, rows, shape), rotary, new(memory, memory, start)))
            .Message.ShouldContain(message);
    }

    private static void Compare(
        AttentionShape shape, int perToken, double rotated, int part,
        Func<AttentionInput, RotaryTables, PastTokens, Tensor> attend)
    {
        using var scope = TensorScope.Open();
        using var rotary = new RotaryTables(shape.Length, (int)(shape.HeadDim * rotated), 10_000, false, Device.Cpu);
        var choices = RoutedAttentionTests.Choices(shape.BatchSize * shape.Length, shape.Experts, perToken, seed: 4);
        // The queries that every token would have for every expert, [B, T, N, H·D].
        var queries = Random(
            [shape.BatchSize, shape.Length, shape.Experts, shape.HeadsPerExpert * shape.HeadDim], 1);
        var keysAndValues = Random(
            [shape.BatchSize, shape.Length, 2 * shape.KeyValueHeads * shape.HeadDim], 2);
        var all = QueryRows.Chosen(shape, choices);
        var whole = AttentionByOperators.Apply(AttentionInput.OfChosen(RowsOf(queries, all), keysAndValues, all, shape), rotary);
        var expected = Tensor.Zeros(queries.Shape);
        Each(all, (row, sequence, position, expert) =>
            expected.Select(0, sequence).Select(0, position).Select(0, expert).Copy_(whole.Select(0, row)));

        var (keys, values) = (Memory(), Memory());
        for (var start = 0; start < shape.Length; start += part)
        {
            using var step = TensorScope.Open();
            var count = Math.Min(part, shape.Length - start);
            var chosen = Enumerable.Range(0, shape.BatchSize)
                .SelectMany(sequence => choices.Skip((sequence * shape.Length + start) * perToken).Take(count * perToken))
                .ToArray();
            var rows = QueryRows.Chosen(shape with { Length = count }, chosen, start);
            var input = AttentionInput.OfChosen(
                RowsOf(queries, rows), keysAndValues.Narrow(1, start, count).Contiguous(), rows, shape with { Length = count });
            var found = attend(input, rotary, new(keys, values, start));
            MaxDifference(found, RowsOf(expected, rows)).ShouldBeLessThan(Tolerance, $"tokens from {start}");
        }

        void Each(QueryRows rows, Action<int, int, int, int> body)
        {
            for (var expert = 0; expert < shape.Experts; expert++)
            {
                for (var sequence = 0; sequence < shape.BatchSize; sequence++)
                {
                    var (first, count) = rows.Of(sequence, expert * shape.HeadsPerExpert);
                    for (var row = first; row < first + count; row++) body(row, sequence, rows.Position(row), expert);
                }
            }
        }

        Tensor RowsOf(Tensor ofAll, QueryRows rows)
        {
            var ordered = new List<Tensor>();
            Each(rows, (_, sequence, position, expert) =>
                ordered.Add(ofAll.Select(0, sequence).Select(0, position).Select(0, expert)));
            return Tensor.Stack([.. ordered], 0);
        }

        // NaN where nothing was written: it would show if it were read.
        Tensor Memory() => Tensor.Full([shape.BatchSize, shape.KeyValueHeads, shape.Length + 3, shape.HeadDim], double.NaN);
    }
}
