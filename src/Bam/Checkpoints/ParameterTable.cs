namespace Bam.Checkpoints;

/// <summary>
/// The names and shapes of every parameter of a checkpoint, in file order. V: vocabulary, d: hidden, f: feed-forward hidden, H:
/// query heads, G: key-value heads, N: attention experts, M: feed-forward experts.
/// </summary>
internal static class ParameterTable
{
    public const string Embedding = "model.embed_tokens.weight";

    public const string FinalNorm = "model.norm.weight";

    /// <summary>The output head of a model that does not tie it.</summary>
    public const string Head = "lm_head.weight";

    /// <summary>The bias of the output head, tied or not.</summary>
    public const string HeadBias = "lm_head.bias";

    /// <summary>The norm of attention's output.</summary>
    public const string AttentionOutputNorm = "post_attention_layernorm";

    /// <summary>The norm of the feed-forward's output.</summary>
    public const string FeedForwardOutputNorm = "post_feedforward_layernorm";

    /// <summary>The norm before the feed-forward. Llama's name for it is Gemma's for attention's output norm.</summary>
    public static string FeedForwardNorm(ModelConfig config) =>
        config.HasOutputNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm";

    public static IReadOnlyList<ParameterInfo> Of(ModelConfig config)
    {
        var parameters = new List<ParameterInfo>
        {
            new(Embedding, [config.VocabSize, config.HiddenSize], ParameterKind.Embedding),
        };
        for (var layer = 0; layer < config.NumHiddenLayers; layer++) AddBlock(parameters, config, layer);
        AddNorm(parameters, config, "model.norm", -1);
        if (!config.TieWordEmbeddings) parameters.Add(new(Head, [config.VocabSize, config.HiddenSize], ParameterKind.Head));
        if (config.LmHeadBias) parameters.Add(new(HeadBias, [config.VocabSize], ParameterKind.Head));
        return parameters;
    }

    private static void AddBlock(List<ParameterInfo> parameters, ModelConfig config, int layer)
    {
        int d = config.HiddenSize, f = config.FeedForwardWidthOf(layer);
        int queryWidth = config.NumAttentionHeads * config.HeadDim, keyValueWidth = config.NumKeyValueHeads * config.HeadDim;
        var experts = new Placement(parameters, layer, $"model.layers.{layer}.self_attn.", config.NumAttentionExperts);
        var mlp = new Placement(parameters, layer, $"model.layers.{layer}.mlp.", config.ExpertsOf(layer));
        var keyValue = config.ShareKeyValue ? experts with { Experts = 1 } : experts;

        if (config.HasInputNorms) AddNorm(parameters, config, $"model.layers.{layer}.input_layernorm", layer);
        experts.AddRouter(ParameterKind.AttentionRouter, d);
        experts.Add("q_proj", ParameterKind.Query, [queryWidth, d], config.AttentionBias);
        keyValue.Add("k_proj", ParameterKind.Key, [keyValueWidth, d], config.AttentionBias);
        keyValue.Add("v_proj", ParameterKind.Value, [keyValueWidth, d], config.AttentionBias);
        if (config.QueryKeyNorm != QueryKeyNorm.None)
        {
            experts.Add(
                "q_norm", ParameterKind.QueryNorm, HeadNormShape(config, config.NumAttentionHeads), config.QueryKeyNormBias);
            keyValue.Add(
                "k_norm", ParameterKind.KeyNorm, HeadNormShape(config, config.NumKeyValueHeads), config.QueryKeyNormBias);
        }

        experts.Add("o_proj", ParameterKind.Output, [d, queryWidth], config.AttentionOutputBias);

        if (config.HasOutputNorms) AddNorm(parameters, config, $"model.layers.{layer}.{AttentionOutputNorm}", layer);
        if (config.HasSecondNorm) AddNorm(parameters, config, $"model.layers.{layer}.{FeedForwardNorm(config)}", layer);
        mlp.AddRouter(ParameterKind.FeedForwardRouter, d);
        if (config.GatedMlp) mlp.Add("gate_proj", ParameterKind.Gate, [f, d], config.MlpBias);
        mlp.Add("up_proj", ParameterKind.Up, [f, d], config.MlpBias);
        mlp.Add("down_proj", ParameterKind.Down, [d, f], config.MlpBias);
        if (config.SharedExpertIntermediateSize is { } width && mlp.Experts > 1)
            AddSharedExpert(parameters, config, layer, width);
        if (config.HasOutputNorms) AddNorm(parameters, config, $"model.layers.{layer}.{FeedForwardOutputNorm}", layer);
    }

    private static void AddSharedExpert(List<ParameterInfo> parameters, ModelConfig config, int layer, int width)
    {
        var (d, mlp) = (config.HiddenSize, $"model.layers.{layer}.mlp.");
        var expert = new Placement(parameters, layer, $"{mlp}shared_expert.", 1);
        parameters.Add(new($"{mlp}shared_expert_gate.weight", [1, d], ParameterKind.SharedExpertGate, layer));
        if (config.GatedMlp) expert.Add("gate_proj", ParameterKind.SharedGate, [width, d], config.MlpBias);
        expert.Add("up_proj", ParameterKind.SharedUp, [width, d], config.MlpBias);
        expert.Add("down_proj", ParameterKind.SharedDown, [d, width], config.MlpBias);
    }

    private static long[] HeadNormShape(ModelConfig config, int heads) => config.QueryKeyNorm switch
    {
        QueryKeyNorm.PerHead => [heads, config.HeadDim],
        QueryKeyNorm.AllHeads => [(long)heads * config.HeadDim],
        _ => [config.HeadDim],
    };

    private static void AddNorm(List<ParameterInfo> parameters, ModelConfig config, string module, int layer)
    {
        parameters.Add(new($"{module}.weight", [config.HiddenSize], ParameterKind.Norm, layer));
        if (config.NormBias) parameters.Add(new($"{module}.bias", [config.HiddenSize], ParameterKind.Norm, layer));
    }

    /// <summary>One branch of one block: a module of one expert is dense, of several has one for each.</summary>
    private sealed record Placement(List<ParameterInfo> Parameters, int Layer, string Prefix, int Experts)
    {
        public void AddRouter(ParameterKind kind, int d)
        {
            if (Experts > 1) Parameters.Add(new($"{Prefix}router.weight", [Experts, d], kind, Layer));
        }

        public void Add(string module, ParameterKind kind, long[] shape, bool withBias = false)
        {
            for (var expert = 0; expert < Experts; expert++)
            {
                Parameters.Add(Parameter(expert, ".weight", shape));
                if (withBias) Parameters.Add(Parameter(expert, ".bias", [shape[0]]));
            }

            ParameterInfo Parameter(int expert, string suffix, long[] size) => Experts == 1
                ? new($"{Prefix}{module}{suffix}", size, kind, Layer)
                : new($"{Prefix}experts.{expert}.{module}{suffix}", size, kind, Layer, expert);
        }
    }
}

/// <summary>One parameter of the checkpoint format.</summary>
/// <param name="Name">Its tensor's name.</param>
/// <param name="Shape">Its shape, [rows, columns] or [d].</param>
/// <param name="Kind">Its role in the model.</param>
/// <param name="Layer">Its block from 0, or -1 outside the blocks.</param>
/// <param name="Expert">Its expert from 0, or -1 where all tokens share it.</param>
internal sealed record ParameterInfo(string Name, long[] Shape, ParameterKind Kind, int Layer = -1, int Expert = -1)
{
    public bool IsBias => Name.EndsWith(".bias", StringComparison.Ordinal);

    /// <summary>True for the weights and biases of norms.</summary>
    public bool IsNorm => Kind is ParameterKind.Norm or ParameterKind.QueryNorm or ParameterKind.KeyNorm;

    public bool IsRouter => Kind is ParameterKind.AttentionRouter or ParameterKind.FeedForwardRouter;

    /// <summary>True for the embeddings and for matrices of products, other than routers and the shared expert's gate.</summary>
    public bool IsProjection => !IsBias && !IsNorm && !IsRouter && Kind != ParameterKind.SharedExpertGate;

    public long Count
    {
        get
        {
            var count = 1L;
            foreach (var size in Shape) count *= size;
            return count;
        }
    }
}

/// <summary>The role of a parameter in the model. A bias has the kind of the projection or norm that it belongs to.</summary>
internal enum ParameterKind
{
    /// <summary>Token embeddings [V, d].</summary>
    Embedding,

    /// <summary>A norm's weight [d].</summary>
    Norm,

    /// <summary>Attention router [N, d].</summary>
    AttentionRouter,

    /// <summary>Query projection [H·head_dim, d].</summary>
    Query,

    /// <summary>Key projection [G·head_dim, d].</summary>
    Key,

    /// <summary>Value projection [G·head_dim, d].</summary>
    Value,

    /// <summary>Norm of the queries, [head_dim], [H, head_dim] or [H·head_dim].</summary>
    QueryNorm,

    /// <summary>Norm of the keys, [head_dim], [G, head_dim] or [G·head_dim].</summary>
    KeyNorm,

    /// <summary>Attention's output projection [d, H·head_dim].</summary>
    Output,

    /// <summary>Feed-forward router [M, d].</summary>
    FeedForwardRouter,

    /// <summary>Gate projection [f, d].</summary>
    Gate,

    /// <summary>Up projection [f, d].</summary>
    Up,

    /// <summary>Down projection [d, f].</summary>
    Down,

    /// <summary>The gate [1, d] of the shared expert.</summary>
    SharedExpertGate,

    /// <summary>Its gate projection [f, d].</summary>
    SharedGate,

    /// <summary>Its up projection [f, d].</summary>
    SharedUp,

    /// <summary>Its down projection [d, f].</summary>
    SharedDown,

    /// <summary>The output head [V, d] of a model that does not tie it to the embeddings.</summary>
    Head,
}
