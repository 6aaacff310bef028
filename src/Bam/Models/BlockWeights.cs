using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models;

/// <summary>The weights of one block, with the gradients that they collect, as views into the model's arena.</summary>
/// <param name="InputNorm">[d].</param>
/// <param name="SecondNorm">[d], before the feed-forward; null in parallel blocks with one norm.</param>
/// <param name="AttentionRouter">[N, d]; null with dense attention.</param>
/// <param name="Qkv">[(N·H + 2·N·G)·D, d]; (N·H + 2·G)·D rows when keys and values are shared.</param>
/// <param name="HeadNorms">The norms of queries and keys; null for none.</param>
/// <param name="Output">[N·H·D, d]; the bias is [N·d].</param>
/// <param name="FeedForwardRouter">[M, d]; null with a dense feed-forward.</param>
/// <param name="GateUp">M times [2f, d]; [f, d] without gate.</param>
/// <param name="Down">M times [d, f].</param>
internal sealed record BlockWeights(
    NormWeights InputNorm, NormWeights? SecondNorm,
    Parameter? AttentionRouter, Projection Qkv, HeadNorms? HeadNorms, Projection Output,
    Parameter? FeedForwardRouter, Projection[] GateUp, Projection[] Down)
{
    /// <summary>Finds them by the names of <see cref="ParameterLayout"/>.</summary>
    public static BlockWeights Of(ModelConfig config, ParameterArena arena, int layer)
    {
        var prefix = $"model.layers.{layer}.";
        var experts = Enumerable.Range(0, config.NumLocalExperts);
        return new(
            NormWeights.Of(config, arena, $"{prefix}input_layernorm"),
            config.HasSecondNorm ? NormWeights.Of(config, arena, $"{prefix}post_attention_layernorm") : null,
            config.NumAttentionExperts > 1 ? Parameter.Of(arena, $"{prefix}self_attn.router.weight") : null,
            ProjectionOf(ParameterLayout.Qkv(layer), config.AttentionBias),
            config.QueryKeyNorm == QueryKeyNorm.None
                ? null
                : new(HeadNorm(ParameterKind.QueryNorm), HeadNorm(ParameterKind.KeyNorm)),
            ProjectionOf(ParameterLayout.Output(layer), config.AttentionOutputBias),
            config.NumLocalExperts > 1 ? Parameter.Of(arena, $"{prefix}mlp.router.weight") : null,
            [.. experts.Select(expert => ProjectionOf(ParameterLayout.GateUp(layer, expert), config.MlpBias))],
            [.. experts.Select(expert => ProjectionOf(ParameterLayout.Down(layer, expert), config.MlpBias))]);

        Projection ProjectionOf(string stack, bool hasBias) =>
            new(Parameter.Of(arena, stack), hasBias ? arena[ParameterLayout.BiasOf(stack)] : null);

        Tensor HeadNorm(ParameterKind kind) => arena[ParameterLayout.HeadNorm(layer, kind)];
    }
}

/// <summary>A matrix product, with a bias where the model has one.</summary>
/// <param name="Weight">[out, in]; [in, out] for attention's output projections.</param>
/// <param name="Bias">[out], a leaf; null for none.</param>
internal sealed record Projection(Parameter Weight, Tensor? Bias)
{
    /// <summary>x·Wᵀ + b: [.., in] to [.., out].</summary>
    public Tensor Apply(Tensor x)
    {
        using var scope = TensorScope.Open();
        var product = LinearFunction.Apply(x, Weight);
        return scope.Keep(Bias is null ? product : product + Bias.To(product.ScalarType));
    }

    /// <summary>Rows <paramref name="start"/> … as a projection of their own.</summary>
    public Projection Rows(long start, long count) => new(Weight.Rows(start, count), Bias?.Narrow(0, start, count));
}

/// <summary>A norm's weight and bias, and the norm: always computed in float32.</summary>
/// <param name="Weight">[d], or a weight for each head, [heads, head_dim].</param>
/// <param name="Bias">[d]; null for none.</param>
internal sealed record NormWeights(Tensor Weight, Tensor? Bias)
{
    /// <summary>The weights of a module of the checkpoint, such as <c>model.norm</c>.</summary>
    public static NormWeights Of(ModelConfig config, ParameterArena arena, string module) =>
        new(arena[$"{module}.weight"], config.NormBias ? arena[$"{module}.bias"] : null);

    /// <summary>The norm over the last dimension of x, [.., d].</summary>
    public Tensor Apply(Tensor x, ModelConfig config)
    {
        using var scope = TensorScope.Open();
        var wide = x.To(ScalarType.Float32);
        var normed = config.NormType == NormType.LayerNorm
            ? LayerNorm(wide, config.NormEps)
            : RootMeanSquare(wide, config.NormEps);
        return scope.Keep(normed.To(x.ScalarType));
    }

    private Tensor LayerNorm(Tensor x, double eps) =>
        Weight.Shape.Length == 1 ? x.LayerNorm(Weight, Bias, eps) : x.LayerNorm(weight: null, bias: null, eps) * Weight;

    private Tensor RootMeanSquare(Tensor x, double eps)
    {
        var normed = x * (x.Square().Mean(-1, keepDim: true) + eps).Rsqrt() * Weight;
        return Bias is null ? normed : normed + Bias;
    }
}

/// <summary>The norms of queries and keys, between their projection and rotary embedding (arXiv 2010.04245).</summary>
/// <param name="Queries">A weight [head_dim] for each query head of all experts, or one for all heads of each expert.</param>
/// <param name="Keys">The same for the key-value heads.</param>
internal sealed record HeadNorms(Tensor Queries, Tensor Keys)
{
    /// <summary>Norms the query and key heads at the beginning of a projection [.., heads · head_dim].</summary>
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

    /// <summary>The norms of one expert, whose queries are normed separately.</summary>
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
