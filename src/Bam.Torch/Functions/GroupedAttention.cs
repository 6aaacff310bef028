namespace Bam.Torch.Functions;

/// <summary>Attention of several query heads to the one key-value head that they share, which is read where it lies and not repeated.</summary>
public static class GroupedAttention
{
    /// <summary>softmax(Q Kᵀ / √D) V for every group.</summary>
    /// <param name="queries">[B, K, R, C, D]: K key-value heads, R query heads of each, C queries of each.</param>
    /// <param name="keys">[B, K, S, D].</param>
    /// <param name="values">[B, K, S, D].</param>
    /// <param name="future">True where a query may not look, broadcast to [B, K, R, C, S]; null where it may look everywhere.</param>
    /// <returns>[B, K, R, C, D].</returns>
    public static Tensor Apply(Tensor queries, Tensor keys, Tensor values, Tensor? future)
    {
        using var scope = TensorScope.Open();
        var (batch, groups, heads, count, headDim) = (queries.Size(0), queries.Size(1), queries.Size(2), queries.Size(3), queries.Size(4));
        var scores = queries.Reshape(batch, groups, heads * count, headDim).MatMul(keys.Transpose(2, 3)) * (1 / Math.Sqrt(headDim));  // [B, K, R·C, S]
        if (future is not null)
        {
            scores = scores.View(batch, groups, heads, count, -1).MaskedFill(future, double.NegativeInfinity)
                .View(batch, groups, heads * count, -1);
        }

        return scope.Keep(scores.Softmax(-1).MatMul(values).View(batch, groups, heads, count, headDim));
    }

    /// <summary>The positions after each query's own.</summary>
    /// <param name="positions">[B, C] or [1, C], int64.</param>
    /// <param name="length">S.</param>
    /// <returns>[B, 1, 1, C, S] or [1, 1, 1, C, S].</returns>
    public static Tensor Future(Tensor positions, long length)
    {
        using var scope = TensorScope.Open();
        return scope.Keep(Tensor.Arange(length, ScalarType.Int64, positions.Device).Gt(positions.View(positions.Size(0), 1, 1, -1, 1)));
    }
}
