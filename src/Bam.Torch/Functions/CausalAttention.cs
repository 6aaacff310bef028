using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>Causal attention in libtorch's own operators: for every device and dtype, and the fused kernel's reference.</summary>
internal static class CausalAttention
{
    /// <summary>As <see cref="CausalAttentionFunction.Apply"/>.</summary>
    public static Tensor Apply(Tensor qkv, Tensor? gates, AttentionShape shape, RotaryTables rotary)
    {
        using var scope = TensorScope.Open();
        var (queryHeads, keyValueHeads) = (shape.QueryHeads, shape.KeyValueHeads);
        var heads = qkv.View(shape.BatchSize, shape.Length, queryHeads + 2 * keyValueHeads, shape.HeadDim).Transpose(1, 2);  // [B, heads, T, D]
        // Split, not narrowed: the gradients of the three are then joined at once.
        var parts = heads.Split([queryHeads, keyValueHeads, keyValueHeads], 1);
        var queries = RotaryFunction.Apply(parts[0], rotary);
        var keys = OfQueryHeads(RotaryFunction.Apply(parts[1], rotary), shape);
        var values = OfQueryHeads(parts[2], shape);

        var attended = Attend(queries, keys, values, shape.Window).Transpose(1, 2);  // [B, T, N·H, D]
        if (gates is not null)
        {
            attended = attended.Reshape(shape.BatchSize, shape.Length, shape.Experts, -1)
                * gates.To(attended.ScalarType).Unsqueeze(3);
        }

        return scope.Keep(attended.Reshape(shape.BatchSize, shape.Length, -1));
    }

    // [B, N·H, T, D] each.
    private static Tensor Attend(Tensor queries, Tensor keys, Tensor values, int window)
    {
        var length = queries.Size(2);
        if (window >= length && Tensor.HasScaledDotProductAttention)
            return queries.ScaledDotProductAttention(keys, values, isCausal: true);

        var scores = queries.MatMul(keys.Transpose(2, 3)) * (1 / Math.Sqrt(queries.Size(3)));  // [B, N·H, T, T]
        var hidden = GroupedAttention.Hidden(Tensor.Arange(length, ScalarType.Int64, queries.Device).Unsqueeze(0), length, window)
            .View(length, length);
        return scores.MaskedFill(hidden, double.NegativeInfinity).Softmax(-1).MatMul(values);
    }

    // One key-value head for each query head: repeated within an expert's groups, then over the experts if they share it.
    private static Tensor OfQueryHeads(Tensor heads, AttentionShape shape)
    {
        var (batch, count, length, width) = (heads.Size(0), heads.Size(1), heads.Size(2), heads.Size(3));
        var repeats = shape.QueryHeads / (count * shape.HeadsPerKeyValueHead);  // N when shared, else 1
        return heads.Unsqueeze(1).Unsqueeze(3)  // [B, 1, G, 1, T, D]
            .Expand(batch, repeats, count, shape.HeadsPerKeyValueHead, length, width)
            .Reshape(batch, shape.QueryHeads, length, width);
    }
}
