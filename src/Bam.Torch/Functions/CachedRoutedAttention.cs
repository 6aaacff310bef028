using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>
/// <see cref="CachedAttention"/> of chosen positions: gives what <see cref="RoutedAttentionFunction"/> gives at the new tokens' rows. Builds no
/// graph.
/// </summary>
internal static class CachedRoutedAttention
{
    /// <summary>Writes the new tokens' keys and values, and attends; by the fused kernel where it applies, else by libtorch's operators.</summary>
    /// <param name="queries">[rows, H·D], before rotary embedding.</param>
    /// <param name="keysAndValues">[B, T, 2·K·D], all key heads and then all value heads, before rotary embedding.</param>
    /// <param name="rows">Whose queries they are, of <see cref="QueryRows.Chosen"/> from position <paramref name="start"/>.</param>
    /// <param name="shape">The heads, for T new tokens.</param>
    /// <param name="rotary">At least S = start + T positions.</param>
    /// <param name="keys">[B, K, capacity, D], contiguous, turned; receives positions start … S - 1.</param>
    /// <param name="values">[B, K, capacity, D], contiguous; likewise.</param>
    /// <param name="start">The tokens before.</param>
    /// <returns>[rows, H·D].</returns>
    /// <exception cref="ArgumentException">The sizes or dtypes are not those of the heads, the rows are others', or there is no room for the tokens.</exception>
    public static unsafe Tensor Apply(
        Tensor queries, Tensor keysAndValues, QueryRows rows, AttentionShape shape, RotaryTables rotary, Tensor keys, Tensor values, int start)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        if (shape.Length > 1 || !queries.Device.IsCpu || queries.ScalarType != ScalarType.Float32 || !CausalAttentionKernel.Supports(shape))
            return scope.Keep(ByOperators(queries, keysAndValues, rows, shape, rotary, keys, values, start));

        Arguments.Require(queries, nameof(queries), ScalarType.Float32, Device.Cpu, rows.Count, (long)rows.Heads * shape.HeadDim);
        Arguments.Require(
            keysAndValues, nameof(keysAndValues), ScalarType.Float32, Device.Cpu, shape.BatchSize, 1, 2L * shape.KeyValueHeads * shape.HeadDim);
        Arguments.RequireRows(rows, shape, start);
        Arguments.RequireRoom(keys, values, shape, start);
        Arguments.RequirePositions(rotary, shape, start + 1);
        (queries, keysAndValues) = (queries.Contiguous(), keysAndValues.Contiguous());
        var output = Tensor.Empty(queries.Shape, ScalarType.Float32, queries.Device);
        new CachedAttentionKernel(shape, rows, rotary).Forward(
            new((float*)queries.DataPointer, queries.Size(-1)), new((float*)keysAndValues.DataPointer, keysAndValues.Size(-1)), gates: null,
            (float*)keys.DataPointer, (float*)values.DataPointer, (int)keys.Size(2), start, (float*)output.DataPointer);
        return scope.Keep(output);
    }

    /// <summary>As <see cref="Apply"/>, for every device, dtype and number of tokens; the fused kernel's reference.</summary>
    public static Tensor ByOperators(
        Tensor queries, Tensor keysAndValues, QueryRows rows, AttentionShape shape, RotaryTables rotary, Tensor keys, Tensor values, int start)
    {
        using var scope = TensorScope.Open();
        var (newKeys, newValues) = RoutedAttention.Heads(keysAndValues, shape, rotary, start);
        keys.Narrow(2, start, shape.Length).Copy_(newKeys);
        values.Narrow(2, start, shape.Length).Copy_(newValues);
        // The first tokens have no others before them: training's fused kernel does it.
        if (start == 0 && shape.Length > 1) return scope.Keep(RoutedAttentionFunction.Apply(queries, keysAndValues, rows, shape, rotary));
        var seen = start + shape.Length;
        return scope.Keep(RoutedAttention.Attend(queries, keys.Narrow(2, 0, seen), values.Narrow(2, 0, seen), rows, shape, rotary));
    }
}
