namespace Bam.Checkpoints;

/// <summary>
/// The names and shapes of every parameter of a checkpoint, in file order.
/// V: vocabulary, d: hidden, f: feed-forward hidden, H: query heads, G: key-value heads, N: attention experts, M: feed-forward experts.
/// </summary>
public static class ParameterTable
{
    /// <summary>The token embeddings.</summary>
    public const string Embedding = "model.embed_tokens.weight";

    /// <summary>The norm behind the last block.</summary>
    public const string FinalNorm = "model.norm.weight";

    /// <summary>The output head of a model that does not tie it.</summary>
    public const string Head = "lm_head.weight";

    /// <summary>Every parameter of a model with that configuration.</summary>
    public static IReadOnlyList<ParameterInfo> Of(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var parameters = new List<ParameterInfo>
        {
            new(Embedding, [config.VocabSize, config.HiddenSize], ParameterKind.Embedding),
        };
        for (var layer = 0; layer < config.NumHiddenLayers; layer++) AddBlock(parameters, config, layer);
        parameters.Add(new(FinalNorm, [config.HiddenSize], ParameterKind.Norm));
        if (!config.TieWordEmbeddings) parameters.Add(new(Head, [config.VocabSize, config.HiddenSize], ParameterKind.Head));
        return parameters;
    }

    private static void AddBlock(List<ParameterInfo> parameters, ModelConfig config, int layer)
    {
        int d = config.HiddenSize, f = config.IntermediateSize;
        int queryWidth = config.NumAttentionHeads * config.HeadDim, keyValueWidth = config.NumKeyValueHeads * config.HeadDim;
        var experts = new Placement(parameters, layer, $"model.layers.{layer}.self_attn.", config.NumAttentionExperts);
        var mlp = new Placement(parameters, layer, $"model.layers.{layer}.mlp.", config.NumLocalExperts);
        var keyValue = config.ShareKeyValue ? experts with { Experts = 1 } : experts;

        parameters.Add(new($"model.layers.{layer}.input_layernorm.weight", [d], ParameterKind.Norm, layer));
        experts.AddRouter(ParameterKind.AttentionRouter, d);
        experts.Add("q_proj", ParameterKind.Query, [queryWidth, d]);
        keyValue.Add("k_proj", ParameterKind.Key, [keyValueWidth, d]);
        keyValue.Add("v_proj", ParameterKind.Value, [keyValueWidth, d]);
        experts.Add("o_proj", ParameterKind.Output, [d, queryWidth]);

        if (!config.ParallelBlock) parameters.Add(new($"model.layers.{layer}.post_attention_layernorm.weight", [d], ParameterKind.Norm, layer));
        mlp.AddRouter(ParameterKind.FeedForwardRouter, d);
        mlp.Add("gate_proj", ParameterKind.Gate, [f, d]);
        mlp.Add("up_proj", ParameterKind.Up, [f, d]);
        mlp.Add("down_proj", ParameterKind.Down, [d, f]);
    }

    /// <summary>One branch of one block: a projection of one expert is dense, of several has one tensor for each.</summary>
    private sealed record Placement(List<ParameterInfo> Parameters, int Layer, string Prefix, int Experts)
    {
        public void AddRouter(ParameterKind kind, int d)
        {
            if (Experts > 1) Parameters.Add(new($"{Prefix}router.weight", [Experts, d], kind, Layer));
        }

        public void Add(string projection, ParameterKind kind, long[] shape)
        {
            if (Experts == 1) Parameters.Add(new($"{Prefix}{projection}.weight", shape, kind, Layer));
            for (var expert = 0; Experts > 1 && expert < Experts; expert++)
                Parameters.Add(new($"{Prefix}experts.{expert}.{projection}.weight", shape, kind, Layer, expert));
        }
    }
}
