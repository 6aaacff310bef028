using Bam.Checkpoints;
using Bam.Torch;

namespace Bam.Models;

/// <summary>The norms of queries and keys, between their projection and rotary embedding (arXiv 2010.04245).</summary>
/// <param name="Queries">A weight [head_dim] for each query head of all experts, or one for all heads of an expert; one after the other.</param>
/// <param name="Keys">Likewise, of the key-value heads.</param>
internal sealed record HeadNorms(Tensor Queries, Tensor Keys)
{
    /// <summary>Norms the heads at the beginning of a projection, and leaves the others.</summary>
    /// <param name="projected">[…, heads · head_dim]: query heads, key heads, others.</param>
    /// <param name="queryHeads">How many are queries.</param>
    /// <param name="keyHeads">How many are keys.</param>
    /// <param name="config">The norm's kind and head_dim.</param>
    /// <returns>As <paramref name="projected"/>.</returns>
    public Tensor Apply(Tensor projected, int queryHeads, int keyHeads, ModelConfig config)
    {
        using var scope = TensorScope.Open();
        var heads = projected.View([.. projected.Shape[..^1], -1, config.HeadDim]);
        var others = heads.Size(-2) - queryHeads - keyHeads;
        var parts = new List<Tensor>();
        if (queryHeads > 0) parts.Add(Norm(heads.Narrow(-2, 0, queryHeads), Queries, config));
        if (keyHeads > 0) parts.Add(Norm(heads.Narrow(-2, queryHeads, keyHeads), Keys, config));
        if (others > 0) parts.Add(heads.Narrow(-2, queryHeads + keyHeads, others));
        return scope.Keep(Tensor.Cat([.. parts], -2).View(projected.Shape));
    }

    /// <summary>The norms of one expert, whose queries are normed apart.</summary>
    public HeadNorms OfExpert(int expert, int experts)
    {
        var ofExpert = Queries.Reshape(experts, -1).Select(0, expert);
        return this with { Queries = ofExpert.Reshape(-1) };
    }

    private static Tensor Norm(Tensor heads, Tensor weights, ModelConfig config)
    {
        using var scope = TensorScope.Open();
        var rows = weights.Reshape(-1, config.HeadDim);
        var ofEachHead = rows.RepeatInterleave(heads.Size(-2) / rows.Size(0), 0);  // [heads, head_dim]
        return scope.Keep(new NormWeights(ofEachHead, Bias: null).Apply(heads, config));
    }
}
