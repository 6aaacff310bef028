using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models;

/// <summary>
/// The weights of one block, with the gradients that they collect, as views into the model's arena. Where several ranks share the
/// experts, N and M count those of this rank, but for the routers.
/// </summary>
/// <param name="InputNorm">[d]; null where the branches read the residual stream as it is.</param>
/// <param name="SecondNorm">[d], before the feed-forward; null in parallel blocks with one norm, and without input norms.</param>
/// <param name="AttentionOutputNorm">[d], for attention's output; null for none.</param>
/// <param name="FeedForwardOutputNorm">[d], for the feed-forward's output; null for none.</param>
/// <param name="AttentionRouter">[N, d]; null with dense attention.</param>
/// <param name="Qkv">[(N·H + 2·N·G)·D, d]; (N·H + 2·G)·D rows when keys and values are shared.</param>
/// <param name="HeadNorms">The norms of queries and keys; null for none.</param>
/// <param name="Output">[N·H·D, d]; the bias is [N·d].</param>
/// <param name="FeedForwardRouter">[M, d]; null with a dense feed-forward.</param>
/// <param name="GateUp">M times [2f, d]; [f, d] without gate.</param>
/// <param name="Down">M times [d, f].</param>
/// <param name="SharedExpert">The feed-forward of every token in addition to its experts; null for none.</param>
internal sealed record BlockWeights(
    NormWeights? InputNorm, NormWeights? SecondNorm, NormWeights? AttentionOutputNorm, NormWeights? FeedForwardOutputNorm,
    Parameter? AttentionRouter, Projection Qkv, HeadNorms? HeadNorms, Projection Output,
    Parameter? FeedForwardRouter, Projection[] GateUp, Projection[] Down, SharedExpert? SharedExpert)
{
    /// <summary>All of them as leaves of the graph, in the arena's order.</summary>
    public required IReadOnlyList<Tensor> Leaves { get; init; }

    /// <summary>Finds them by the names of <see cref="ParameterLayout"/>.</summary>
    public static BlockWeights Of(ModelConfig config, ParameterArena arena, int layer, ExpertParallelism parallelism)
    {
        var prefix = $"model.layers.{layer}.";
        var (first, count) = parallelism.FeedForwardExperts(layer);
        var experts = Enumerable.Range(first, count);
        return new(
            config.HasInputNorms ? Norm("input_layernorm") : null,
            config.HasSecondNorm ? Norm(ParameterTable.FeedForwardNorm(config)) : null,
            config.HasOutputNorms ? Norm(ParameterTable.AttentionOutputNorm) : null,
            config.HasOutputNorms ? Norm(ParameterTable.FeedForwardOutputNorm) : null,
            config.NumAttentionExperts > 1 ? Parameter.Of(arena, $"{prefix}self_attn.router.weight") : null,
            ProjectionOf(ParameterLayout.Qkv(layer), config.AttentionBias),
            config.QueryKeyNorm == QueryKeyNorm.None
                ? null
                : new(HeadNorm(ParameterKind.QueryNorm), HeadNorm(ParameterKind.KeyNorm)),
            ProjectionOf(ParameterLayout.Output(layer), config.AttentionOutputBias),
            config.ExpertsOf(layer) > 1 ? Parameter.Of(arena, $"{prefix}mlp.router.weight") : null,
            [.. experts.Select(expert => ProjectionOf(ParameterLayout.GateUp(layer, expert), config.MlpBias))],
            [.. experts.Select(expert => ProjectionOf(ParameterLayout.Down(layer, expert), config.MlpBias))],
            config.SharedExpertIntermediateSize is null || config.ExpertsOf(layer) == 1 ? null : new(
                Parameter.Of(arena, $"{prefix}mlp.shared_expert_gate.weight"),
                ProjectionOf(ParameterLayout.SharedGateUp(layer), config.MlpBias),
                ProjectionOf(ParameterLayout.SharedDown(layer), config.MlpBias)))
        {
            Leaves = arena.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
                .Select(name => arena[name]).ToList(),
        };

        NormWeights Norm(string module) => NormWeights.Of(config, arena, $"{prefix}{module}");

        Projection ProjectionOf(string stack, bool hasBias) =>
            new(Parameter.Of(arena, stack), hasBias ? arena[ParameterLayout.BiasOf(stack)] : null);

        NormWeights HeadNorm(ParameterKind kind)
        {
            var stack = ParameterLayout.HeadNorm(layer, kind);
            return new(arena[stack], config.QueryKeyNormBias ? arena[ParameterLayout.BiasOf(stack)] : null);
        }
    }
}

/// <summary>A feed-forward of every token, times sigmoid(gate · h) (Qwen2-MoE, arXiv 2407.10671).</summary>
/// <param name="Gate">[1, d].</param>
/// <param name="GateUp">[2f, d]; [f, d] without gate.</param>
/// <param name="Down">[d, f].</param>
internal sealed record SharedExpert(Parameter Gate, Projection GateUp, Projection Down);

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
        var weight = config.NormUnitOffset ? Weight + 1 : Weight;
        var normed = config.NormType == NormType.LayerNorm
            ? LayerNorm(x.To(ScalarType.Float32), weight, config.NormEps)
            : RootMeanSquare(x, weight, config.NormEps);
        return scope.Keep(normed.To(x.ScalarType));
    }

    private Tensor LayerNorm(Tensor x, Tensor weight, double eps)
    {
        if (weight.Shape.Length == 1) return x.LayerNorm(weight, Bias, eps);
        var normed = x.LayerNorm(weight: null, bias: null, eps) * weight;
        return Bias is null ? normed : normed + Bias;
    }

    private Tensor RootMeanSquare(Tensor x, Tensor weight, double eps)
    {
        var normed = RmsNormFunction.Apply(x, weight, eps);
        return Bias is null ? normed : normed + Bias;
    }
}

/// <summary>The norms of queries and keys, between their projection and rotary embedding (arXiv 2010.04245).</summary>
/// <param name="Queries">
/// [norms, W] in one row: for each query head of all experts, for all heads of each expert alike (W is head_dim), or for each
/// expert over all its heads (W is H·head_dim).
/// </param>
/// <param name="Keys">The same for the key-value heads.</param>
internal sealed record HeadNorms(NormWeights Queries, NormWeights Keys)
{
    /// <summary>Norms the query and key heads at the beginning of a projection [.., heads · head_dim].</summary>
    public Tensor Apply(Tensor projected, int queryHeads, int keyHeads, ModelConfig config)
    {
        using var scope = TensorScope.Open();
        var (queryWidth, keyWidth) = ((long)queryHeads * config.HeadDim, (long)keyHeads * config.HeadDim);
        var others = projected.Size(-1) - queryWidth - keyWidth;
        var isOverAllHeads = config.QueryKeyNorm == QueryKeyNorm.AllHeads;
        var parts = new List<Tensor>();
        if (queryHeads > 0) parts.Add(Norm(projected.Narrow(-1, 0, queryWidth), Queries, config.NumAttentionHeads));
        if (keyHeads > 0) parts.Add(Norm(projected.Narrow(-1, queryWidth, keyWidth), Keys, config.NumKeyValueHeads));
        if (others > 0) parts.Add(projected.Narrow(-1, queryWidth + keyWidth, others));
        return scope.Keep(Tensor.Cat([.. parts], -1));

        Tensor Norm(Tensor heads, NormWeights weights, int headsOfExpert) =>
            ApplyTo(heads, weights, config, isOverAllHeads ? headsOfExpert * config.HeadDim : config.HeadDim);
    }

    /// <summary>The norms of one expert, whose queries are normed separately.</summary>
    public HeadNorms OfExpert(int expert, int experts) =>
        this with { Queries = new(
            PartOf(Queries.Weight, expert, experts), Queries.Bias is { } bias ? PartOf(bias, expert, experts) : null) };

    private static Tensor PartOf(Tensor values, int expert, int experts) => values.Reshape(experts, -1).Select(0, expert);

    private static Tensor ApplyTo(Tensor heads, NormWeights weights, ModelConfig config, int width)
    {
        using var scope = TensorScope.Open();
        var rows = heads.View([.. heads.Shape[..^1], heads.Size(-1) / width, width]);  // [.., norms, W]
        var ofEachRow = new NormWeights(Repeated(weights.Weight), weights.Bias is { } bias ? Repeated(bias) : null);
        return scope.Keep(ofEachRow.Apply(rows, config).View(heads.Shape));

        // [norms, W]
        Tensor Repeated(Tensor values)
        {
            var given = values.Reshape(-1, width);
            return given.RepeatInterleave(rows.Size(-2) / given.Size(0), 0);
        }
    }
}
