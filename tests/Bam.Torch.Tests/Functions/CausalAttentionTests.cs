using Bam.Torch.Functions;
using Bam.Torch.Kernels;
using Shouldly;
using Xunit;
using static Bam.Torch.Tests.Functions.CausalAttentionTests;

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

/// <summary>
/// The fused kernel on chosen rows against libtorch's own operators, and these against attention of every position.
/// </summary>
public sealed class RoutedAttentionTests : TorchTest
{
    private const double Tolerance = 2e-5;

    public static TheoryData<int, int, int, int, int, int, int, bool, double, int> Shapes => new()
    {
        // B, T, N, k, H, G, D, shared, rotated part, window
        { 2, 7, 3, 1, 4, 4, 16, false, 1, int.MaxValue },
        { 2, 48, 4, 2, 4, 2, 16, false, 1, int.MaxValue },
        { 1, 49, 3, 2, 4, 2, 32, true, 0.5, int.MaxValue },
        { 3, 130, 4, 1, 2, 1, 64, true, 1, int.MaxValue },
        { 1, 256, 2, 2, 2, 2, 48, false, 0.25, int.MaxValue },
        { 2, 60, 3, 1, 2, 1, 16, false, 1, 1 },
        { 1, 130, 2, 1, 4, 2, 32, true, 1, 50 },
        { 1, 250, 3, 2, 2, 1, 16, false, 1, 60 },
    };

    [SkippableTheory]
    [MemberData(nameof(Shapes))]
    public void Kernel_equals_operators(int b, int t, int n, int k, int h, int g, int d, bool shared, double rotated, int window)
    {
        var shape = new AttentionShape(b, t, n * h, shared ? g : n * g, h, g, d, window);
        Skip.IfNot(CausalAttentionKernel.Supports(shape), "this processor has neither AVX-512 nor AVX2 with FMA");
        using var scope = TensorScope.Open();
        using var rotary = new RotaryTables(t, (int)(d * rotated), 10_000, false, Device.Cpu);
        var rows = QueryRows.Chosen(shape, Choices(b * t, n, k, seed: 4));
        var (queries, keysAndValues) = (
            Random([b * t * k, h * d], 1),
            Random([b, t, 2 * shape.KeyValueHeads * d], 2));
        var weights = Random([b * t * k, h * d], 3);

        var (expected, expectedGradients) = Run(input => AttentionByOperators.Apply(input, rotary));
        var (found, foundGradients) = Run(input => AttentionByTrainingKernel.Apply(input, rotary));

        MaxDifference(found, expected).ShouldBeLessThan(Tolerance);
        for (var i = 0; i < expectedGradients.Length; i++)
            MaxDifference(foundGradients[i], expectedGradients[i])
                .ShouldBeLessThan(Tolerance * 10, $"gradient {i}");

        (Tensor Output, Tensor[] Gradients) Run(Func<AttentionInput, Tensor> attend)
        {
            Tensor[] inputs = [queries.Clone(), keysAndValues.Clone()];
            foreach (var input in inputs) input.RequiresGrad = true;
            var output = attend(AttentionInput.OfChosen(inputs[0], inputs[1], rows, shape));
            Autograd.Backward((output * weights).Sum());
            return (output.Detach(), [.. inputs.Select(input => input.Grad!)]);
        }
    }

    // Every position chooses every expert: each expert's rows are then its heads in the attention of all.
    [SkippableFact]
    public void Where_all_choose_all_it_is_the_attention_of_every_position()
    {
        using var scope = TensorScope.Open();
        var shape = new AttentionShape(2, 50, 6, 3, 2, 1, 16);
        Skip.IfNot(CausalAttentionKernel.Supports(shape), "this processor has neither AVX-512 nor AVX2 with FMA");
        using var rotary = new RotaryTables(50, 16, 10_000, false, Device.Cpu);
        var qkv = Random([2, 50, shape.Width], 1);
        var queries = qkv.Narrow(2, 0, 96).Reshape(2, 50, 3, 32).Permute(2, 0, 1, 3).Reshape(-1, 32);  // by expert
        var rows = QueryRows.Chosen(shape, [.. Enumerable.Range(0, 300).Select(choice => (long)(choice % 3))]);

        var all = CausalAttentionTests.Attend(qkv, null, shape, rotary).View(2, 50, 3, 32).Permute(2, 0, 1, 3).Reshape(-1, 32);
        var routed = Attend(queries, qkv.Narrow(2, 96, 96).Contiguous(), rows, shape, rotary);

        routed.ToArray<float>().ShouldBe(all.ToArray<float>());
    }

    [SkippableFact]
    public void Rows_of_other_heads_or_positions_are_refused()
    {
        var shape = new AttentionShape(1, 4, 4, 2, 2, 1, 16);
        Skip.IfNot(CausalAttentionKernel.Supports(shape), "this processor has neither AVX-512 nor AVX2 with FMA");
        using var scope = TensorScope.Open();
        using var rotary = new RotaryTables(8, 16, 10_000, false, Device.Cpu);
        var (queries, keysAndValues) = (Random([4, 32], 1), Random([1, 4, 64], 2));
        var rows = QueryRows.Chosen(shape, [0, 1, 1, 0]);

        Refused(
            () => Attend(queries, keysAndValues, QueryRows.Chosen(shape, [0, 1, 1, 0], start: 1), shape, rotary),
            "from position 0");
        Refused(() => Attend(queries, keysAndValues, rows, shape with { Window = 2 }, rotary), "expected rows of");
        Refused(
            () => Attend(queries.Narrow(0, 0, 3), keysAndValues, rows, shape, rotary),
            "expected Float32[4, 32] on cpu, found Float32[3, 32]");
        Refused(
            () => Attend(queries, keysAndValues.Narrow(1, 0, 3), rows, shape, rotary),
            "expected Float32[1, 4, 64] on cpu, found Float32[1, 3, 64]");
        Refused(() => QueryRows.Chosen(shape, [0, 1, 1]), "expected as many choices for each of 4 tokens, found 3");

        static void Refused(Action call, string message) => Should.Throw<ArgumentException>(call).Message.ShouldContain(message);
    }

    [Fact]
    public void Rows_are_sorted_by_expert_sequence_and_position()
    {
        var shape = new AttentionShape(2, 3, 4, 4, 2, 2, 16);  // two experts of two heads
        var rows = QueryRows.Chosen(shape, [1, 0, 1, 1, 1, 0], start: 5);

        rows.Count.ShouldBe(6);
        rows.Heads.ShouldBe(2);
        Enumerable.Range(0, 6).Select(rows.Position).ShouldBe([6, 7, 5, 7, 5, 6]);
        rows.Of(sequence: 0, head: 1).ShouldBe((0, 1));
        rows.Of(sequence: 1, head: 0).ShouldBe((1, 1));
        rows.Of(sequence: 0, head: 2).ShouldBe((2, 2));
        rows.Of(sequence: 1, head: 3).ShouldBe((4, 2));
        rows.Place(3).ShouldBe(1);
    }

    private static Tensor Attend(
        Tensor queries, Tensor keysAndValues, QueryRows rows, AttentionShape shape, RotaryTables rotary) =>
        Attention.Apply(AttentionInput.OfChosen(queries, keysAndValues, rows, shape), rotary);

    // Distinct experts for every token; the last expert gets none where fewer are chosen than there are.
    internal static long[] Choices(int tokens, int experts, int perToken, int seed)
    {
        var random = new Random(seed);
        var used = Enumerable.Range(0, perToken < experts ? experts - 1 : experts).Select(expert => (long)expert).ToArray();
        return [.. Enumerable.Range(0, tokens).SelectMany(_ =>
        {
            random.Shuffle(used);
            return used[..perToken];
        })];
    }
}
