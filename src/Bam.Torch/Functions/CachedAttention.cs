using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>
/// Causal attention while decoding: new tokens' queries against the keys and values of all tokens so far, which are kept. Gives what
/// <see cref="CausalAttentionFunction"/> gives at the new tokens' positions. Builds no graph.
/// </summary>
/// <remarks>
/// Sizes: B sequences, T new tokens, S = start + T tokens so far, D head_dim. Each of K key-value heads is read by R query heads of an
/// expert and, if the experts share it, by those of all E = N experts; else E = 1 and K counts every expert's.
/// </remarks>
internal static class CachedAttention
{
    /// <summary>Writes the new tokens' keys and values, and attends; by the fused kernel where it applies, else by libtorch's operators.</summary>
    /// <param name="qkv">[B, T, Width] as <see cref="AttentionShape"/> lays it out, before rotary embedding.</param>
    /// <param name="gates">[B, T, N] in float32, or null for one expert.</param>
    /// <param name="shape">The heads, for T new tokens.</param>
    /// <param name="rotary">At least S positions.</param>
    /// <param name="keys">[B, K, capacity, D], contiguous, turned; receives positions start … S - 1.</param>
    /// <param name="values">[B, K, capacity, D], contiguous; likewise.</param>
    /// <param name="start">The tokens before.</param>
    /// <returns>[B, T, N·H·D].</returns>
    /// <exception cref="ArgumentException">The sizes or dtypes are not those of the heads, or there is no room for the tokens.</exception>
    public static unsafe Tensor Apply(Tensor qkv, Tensor? gates, AttentionShape shape, RotaryTables rotary, Tensor keys, Tensor values, int start)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        if (shape.Length > 1 || !qkv.Device.IsCpu || qkv.ScalarType != ScalarType.Float32 || !CausalAttentionKernel.Supports(shape))
            return scope.Keep(ByOperators(qkv, gates, shape, rotary, keys, values, start));

        Arguments.Require(qkv, nameof(qkv), ScalarType.Float32, Device.Cpu, shape.BatchSize, 1, shape.Width);
        if (gates is not null) Arguments.Require(gates, nameof(gates), ScalarType.Float32, Device.Cpu, shape.BatchSize, 1, shape.Experts);
        Arguments.RequireRoom(keys, values, shape, start);
        Arguments.RequirePositions(rotary, shape, start + 1);
        qkv = qkv.Contiguous();
        gates = gates?.Contiguous();
        var output = Tensor.Empty([shape.BatchSize, 1, (long)shape.QueryHeads * shape.HeadDim], ScalarType.Float32, qkv.Device);
        var first = (float*)qkv.DataPointer;
        new CachedAttentionKernel(shape, QueryRows.All(shape), rotary).Forward(
            new(first, shape.Width), new(first + (long)shape.QueryHeads * shape.HeadDim, shape.Width), gates is null ? null : (float*)gates.DataPointer,
            (float*)keys.DataPointer, (float*)values.DataPointer, (int)keys.Size(2), start, (float*)output.DataPointer);
        return scope.Keep(output);
    }

    /// <summary>As <see cref="Apply"/>, for every device, dtype and number of tokens; the fused kernel's reference.</summary>
    public static Tensor ByOperators(Tensor qkv, Tensor? gates, AttentionShape shape, RotaryTables rotary, Tensor keys, Tensor values, int start)
    {
        using var scope = TensorScope.Open();
        var (batch, length, queryHeads, keyValueHeads) = (shape.BatchSize, shape.Length, shape.QueryHeads, shape.KeyValueHeads);
        var heads = qkv.View(batch, length, queryHeads + 2 * keyValueHeads, shape.HeadDim).Transpose(1, 2);  // [B, heads, T, D]
        var turned = RotaryFunction.Apply(heads.Narrow(1, 0, queryHeads + keyValueHeads), rotary, start);
        keys.Narrow(2, start, length).Copy_(turned.Narrow(1, queryHeads, keyValueHeads));
        values.Narrow(2, start, length).Copy_(heads.Narrow(1, queryHeads + keyValueHeads, keyValueHeads));
        // The first tokens have no others before them: training's fused kernel does it.
        if (start == 0 && length > 1) return scope.Keep(CausalAttentionFunction.Apply(qkv, gates, shape, rotary));

        // Query head (e·K + k)·R + r reads key-value head k.
        var repeats = shape.HeadsPerKeyValueHead;
        var experts = queryHeads / (keyValueHeads * repeats);
        var queries = turned.Narrow(1, 0, queryHeads).Reshape(batch, experts, keyValueHeads, repeats, length, -1)
            .Transpose(1, 2).Reshape(batch, keyValueHeads, experts * repeats, length, -1);                   // [B, K, E·R, T, D]
        var seesAll = length == 1 && shape.FirstSeenFrom(start) == 0;
        var hidden = seesAll
            ? null
            : GroupedAttention.Hidden(Tensor.Arange(start, start + length, ScalarType.Int64, qkv.Device).Unsqueeze(0), start + length, shape.Window);
        var attended = GroupedAttention.Apply(queries, keys.Narrow(2, 0, start + length), values.Narrow(2, 0, start + length), hidden)
            .View(batch, keyValueHeads, experts, repeats, length, -1)
            .Permute(0, 4, 2, 1, 3, 5)                                                                       // [B, T, E, K, R, D]
            .Reshape(batch, length, shape.Experts, -1);                                                      // [B, T, N, H·D]
        if (gates is not null) attended *= gates.To(attended.ScalarType).Unsqueeze(3);
        return scope.Keep(attended.Reshape(batch, length, -1));
    }
}
