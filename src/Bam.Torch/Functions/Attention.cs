using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>
/// Causal attention with rotary embedding: the one entry to its three implementations. Sizes: B sequences, T new tokens, N
/// experts of H query heads and G key-value heads each, K key-value heads of all experts, D head_dim.
/// </summary>
internal static class Attention
{
    /// <summary>
    /// Attends, by the fastest implementation that supports the input. With past tokens, the new tokens' keys and values are
    /// added to theirs, and no graph is built.
    /// </summary>
    /// <returns>[B, T, N·H·D], or [rows, H·D] of chosen rows.</returns>
    /// <exception cref="ArgumentException">The sizes or dtypes do not fit the heads, or there is no room.</exception>
    public static Tensor Apply(AttentionInput input, RotaryTables rotary, PastTokens? past = null)
    {
        // The kernels are for a CPU with AVX2 or AVX-512, in float32. Operators work everywhere, and are the kernels' reference.
        var isSupported = input.Queries.Device.IsCpu && CausalAttentionKernel.Supports(input.Shape);
        var hasKernel = isSupported && input.Queries.ScalarType == ScalarType.Float32;
        using var scope = TensorScope.Open();
        if (past is not { } before)
        {
            // The kernel is faster than libtorch's operators on a CPU, of whatever dtype they are.
            return scope.Keep(
                isSupported ? AttentionByTrainingKernel.Apply(input.Widened(), rotary).To(input.Queries.ScalarType)
                    : AttentionByOperators.Apply(input, rotary));
        }

        using var noGrad = NoGrad.Enter();
        if (before.Places is not null && !hasKernel) return scope.Keep(AttentionByOperators.ApplyToRuns(input, rotary, before));
        // Decoding: one query reads all keys once, and nothing is saved for backward.
        if (hasKernel && input.Shape.Length == 1) return scope.Keep(AttentionByCachedKernel.Apply(input, rotary, before));
        // A later part of a prompt. The kernels have no path for several queries behind others' keys, and it is rare.
        if (before.Count > 0 || input.Shape.Length == 1) return scope.Keep(AttentionByOperators.Apply(input, rotary, before));
        // A prompt from its beginning attends to itself alone, as in training.
        AttentionByOperators.Write(input, rotary, before);
        return scope.Keep(Apply(input, rotary));
    }
}

/// <summary>
/// What attention reads, before rotary embedding. A soft mixture (BAM, Eq. 3) has the queries, keys and values of all positions
/// in one projection, and gates; a top-k mixture (BAM, Table 6) has queries of the chosen (token, expert) pairs alone.
/// </summary>
/// <param name="Shape">The heads, for T new tokens.</param>
/// <param name="Rows">The rows of <paramref name="Queries"/>.</param>
/// <param name="Queries">[B, T, Width] with keys and values (<see cref="AttentionShape"/>); [rows, H·D] of chosen rows.</param>
/// <param name="KeysAndValues">For chosen rows, [B, T, 2·K·D]: all key heads, then all value heads.</param>
/// <param name="Gates">[B, T, N] in float32; null for one expert and for chosen rows.</param>
internal readonly record struct AttentionInput(
    AttentionShape Shape, QueryRows Rows, Tensor Queries, Tensor? KeysAndValues, Tensor? Gates)
{
    /// <summary>Every position with the heads of all experts.</summary>
    public static AttentionInput OfAll(Tensor qkv, Tensor? gates, AttentionShape shape) =>
        new(shape, QueryRows.All(shape), qkv, null, gates);

    /// <summary>The positions that chose an expert, with its heads; the rows are from <see cref="QueryRows.Chosen"/>.</summary>
    public static AttentionInput OfChosen(Tensor queries, Tensor keysAndValues, QueryRows rows, AttentionShape shape) =>
        new(shape, rows, queries, keysAndValues, Gates: null);

    /// <summary>The tensors that there are: the queries, then the keys and values or the gates.</summary>
    internal Tensor[] Tensors => (KeysAndValues ?? Gates) is { } second ? [Queries, second] : [Queries];

    /// <summary>The tensors without gaps, which kernels need.</summary>
    internal AttentionInput Contiguous() =>
        this with { Queries = Queries.Contiguous(), KeysAndValues = KeysAndValues?.Contiguous(), Gates = Gates?.Contiguous() };

    /// <summary>The tensors in float32.</summary>
    internal AttentionInput Widened() =>
        this with { Queries = Queries.To(ScalarType.Float32), KeysAndValues = KeysAndValues?.To(ScalarType.Float32) };

    /// <summary>[B, T, N·H·D], or [rows, H·D].</summary>
    internal Tensor EmptyOutput() =>
        KeysAndValues is null
            ? Empty(Shape.BatchSize, Shape.Length, (long)Shape.QueryHeads * Shape.HeadDim)
            : Empty(Queries.Shape);

    /// <summary>Memory for a result, on the device of the queries.</summary>
    internal Tensor Empty(params ReadOnlySpan<long> sizes) => Tensor.Empty(sizes, ScalarType.Float32, Queries.Device);

    /// <summary>Query heads row by row.</summary>
    internal unsafe RowMatrix QueryMatrix => new((float*)Queries.DataPointer, Queries.Size(-1));

    /// <summary>Key heads, then value heads, position by position.</summary>
    internal unsafe RowMatrix KeyValueMatrix =>
        KeysAndValues is { } apart
            ? new((float*)apart.DataPointer, apart.Size(-1))
            : new((float*)Queries.DataPointer + (long)Shape.QueryHeads * Shape.HeadDim, Queries.Size(-1));

    /// <summary>[B, T, N], or null.</summary>
    internal unsafe float* GatesPointer => Gates is null ? null : (float*)Gates.DataPointer;

    /// <summary>Checks what a kernel reads through pointers, for tokens from position <paramref name="start"/> on.</summary>
    /// <exception cref="ArgumentException">The sizes, dtypes or rows do not fit the heads, or the rows the positions.</exception>
    public void Require(RotaryTables rotary, int start = 0)
    {
        var (batch, length) = (Shape.BatchSize, Shape.Length);
        if (KeysAndValues is null)
        {
            Arguments.Require(Queries, "qkv", ScalarType.Float32, Device.Cpu, batch, length, Shape.Width);
            if (Gates is not null)
                Arguments.Require(Gates, "gates", ScalarType.Float32, Device.Cpu, batch, length, Shape.Experts);
        }
        else
        {
            Arguments.Require(Queries, "queries", ScalarType.Float32, Device.Cpu, Rows.Count, (long)Rows.Heads * Shape.HeadDim);
            Arguments.Require(
                KeysAndValues, "keysAndValues", ScalarType.Float32, Device.Cpu, batch, length,
                2L * Shape.KeyValueHeads * Shape.HeadDim);
            Arguments.RequireRows(Rows, Shape, start);
        }

        Arguments.RequirePositions(rotary, Shape, start + length);
    }
}

/// <summary>The memory for the keys and values of one block while decoding; new tokens are written into it.</summary>
/// <param name="Keys">[B, K, capacity, D], contiguous, rotated by their positions.</param>
/// <param name="Values">[B, K, capacity, D], contiguous.</param>
/// <param name="Count">The tokens written: the first new token's position. 0 with <paramref name="Places"/>.</param>
/// <param name="Places">
/// Where each of B tokens stands that are given as sequences of length 1; null for B sequences of equal length.
/// </param>
internal readonly record struct PastTokens(Tensor Keys, Tensor Values, int Count, TokenPlaces? Places = null);
