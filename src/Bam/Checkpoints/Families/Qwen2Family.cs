namespace Bam.Checkpoints.Families;

/// <summary>Qwen2 and 2.5 (arXiv 2407.10671): Llama with biases on queries, keys and values. Its names are Bam's own.</summary>
internal static class Qwen2Family
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "qwen2",
        Read = fields => Common(fields, headDim: null) with { AttentionBias = true },
        Buffers = LlamaFamily.Buffers,
    };

    /// <summary>What Qwen2 and Qwen3 share.</summary>
    public static ModelConfig Common(JsonFields fields, int? headDim)
    {
        var config = LlamaFamily.Common(fields, maxPositions: 32_768, keyValueHeads: 32, headDim: headDim);
        var isUsed = fields.Flag("use_sliding_window", absent: false);
        var window = fields.Has("sliding_window") ? fields.OptionalInt("sliding_window") : 4096;
        var from = fields.OptionalInt("max_window_layers");
        WarnOfContradiction(fields, isUsed && window is not null ? from : null);
        return config.WithLayerTypes(fields, isUsed ? window : null, layer => layer >= (from ?? 28));
    }

    private static void WarnOfContradiction(JsonFields fields, int? from)
    {
        if (from is not { } first || fields.PeekTexts("layer_types") is not { Count: > 0 } types) return;
        if (types.Where((type, layer) => type == "sliding_attention" != layer >= first).Any())
            fields.Warn("max_window_layers", $"{first} contradicts layer_types; layer_types is taken, as transformers does");
    }
}

/// <summary>Qwen3 (arXiv 2505.09388): Qwen2 with a norm on queries and keys instead of biases, Bam's own names.</summary>
internal static class Qwen3Family
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "qwen3",
        Read = Read,
        Buffers = LlamaFamily.Buffers,
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var bias = fields.Flag("attention_bias", absent: false);
        return Qwen2Family.Common(fields, headDim: 128) with
        {
            AttentionBias = bias,
            AttentionOutputBias = bias,
            QueryKeyNorm = QueryKeyNorm.Shared,
        };
    }
}

/// <summary>Qwen1.5-MoE and Qwen2-MoE (arXiv 2407.10671): Qwen2 with experts, and a shared expert for every token.</summary>
internal static class Qwen2MoeFamily
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "qwen2_moe", Read = Read, Buffers = LlamaFamily.Buffers, Layouts = ExpertLayouts.All,
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var config = LlamaFamily.Common(fields, maxPositions: 32_768, keyValueHeads: 16) with
        {
            AttentionBias = fields.Flag("qkv_bias", absent: true),
            SharedExpertIntermediateSize = fields.Int("shared_expert_intermediate_size", 5632),
        };
        var isUsed = fields.Flag("use_sliding_window", absent: false);
        var window = fields.Has("sliding_window") ? fields.OptionalInt("sliding_window") : 4096;
        var end = fields.Int("max_window_layers", 28);
        return config.WithLayerTypes(fields, isUsed ? window : null, layer => layer % 2 == 0 && layer < end)
            .WithExperts(fields, new(Experts: 60, ExpertsPerToken: 4, BalanceWeight: 0.001, Width: 1408));
    }
}

/// <summary>Qwen3-MoE (arXiv 2505.09388): Qwen3 with experts.</summary>
internal static class Qwen3MoeFamily
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "qwen3_moe", Read = Read, Buffers = LlamaFamily.Buffers, Layouts = ExpertLayouts.All,
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var bias = fields.Flag("attention_bias", absent: false);
        var config = LlamaFamily.Common(fields, maxPositions: 32_768, keyValueHeads: 4) with
        {
            AttentionBias = bias,
            AttentionOutputBias = bias,
            QueryKeyNorm = QueryKeyNorm.Shared,
        };
        var isUsed = fields.Flag("use_sliding_window", absent: false);
        var window = fields.Has("sliding_window") ? fields.OptionalInt("sliding_window") : 4096;
        fields.Skip("max_window_layers");
        return config.WithLayerTypes(fields, isUsed ? window : null, _ => true)
            .WithExperts(fields, new(Experts: 128, ExpertsPerToken: 8, BalanceWeight: 0.001, Width: 768));
    }
}
