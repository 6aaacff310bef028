namespace Bam.Torch.Functions;

/// <summary>Attention of several query heads to the one key-value head that they share, which is read where it lies and not repeated.</summary>
internal static class GroupedAttention
{
    /// <summary>softmax(Q Kᵀ / √D) V for every group.</summary>
    /// <param name="queries">[B, K, R, C, D]: K key-value heads, R query heads of each, C queries of each.</param>
    /// <param name="keys">[B, K, S, D].</param>
    /// <param name="values">[B, K, S, D].</param>
    /// <param name="hidden">True where a query may not look, broadcast to [B, K, R, C, S]; null where it may look everywhere.</param>
    /// <returns>[B, K, R, C, D].</returns>
    public static Tensor Apply(Tensor queries, Tensor keys, Tensor values, Tensor? hidden)
    {
        using var scope = TensorScope.Open();
        var (batch, groups, heads, count, headDim) = (queries.Size(0), queries.Size(1), queries.Size(2), queries.Size(3), queries.Size(4));
        var scores = queries.Reshape(batch, groups, heads * count, headDim).MatMul(keys.Transpose(2, 3)) * (1 / Math.Sqrt(headDim));  // [B, K, R·C, S]
        if (hidden is not null)
        {
            scores = scores.View(batch, groups, heads, count, -1).MaskedFill(hidden, double.NegativeInfinity)
                .View(batch, groups, heads * count, -1);
        }

        return scope.Keep(scores.Softmax(-1).MatMul(values).View(batch, groups, heads, count, headDim));
    }

    /// <summary>Where a query may not look: the positions after its own, and those that its window has left behind.</summary>
    /// <param name="positions">[B, C] or [1, C], int64.</param>
    /// <param name="length">S.</param>
    /// <param name="window">W of <see cref="Kernels.AttentionShape"/>.</param>
    /// <returns>[B, 1, 1, C, S] or [1, 1, 1, C, S], bool.</returns>
    public static Tensor Hidden(Tensor positions, long length, int window)
    {
        using var scope = TensorScope.Open();
        var keys = Tensor.Arange(length, ScalarType.Int64, positions.Device);
        var queries = positions.View(positions.Size(0), 1, 1, -1, 1);
        var future = keys.Gt(queries);
        return scope.Keep(window < length ? future.LogicalOr((queries - window).Ge(keys)) : future);
    }
}
