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
        return config with { SlidingWindow = ReadWindow(fields, config.NumHiddenLayers) };
    }

    // The window, where it is used, is that of the layers that layer_types lists, or without it those from max_window_layers on.
    private static int? ReadWindow(JsonFields fields, int layers)
    {
        var isUsed = fields.Flag("use_sliding_window", absent: false);
        var window = fields.Has("sliding_window") ? fields.OptionalInt("sliding_window") : 4096;
        var from = fields.OptionalInt("max_window_layers");
        if (!isUsed || window is null) return fields.SameWindowInAllLayers(window: null);

        var first = from ?? 28;
        if (fields.PeekTexts("layer_types") is { Count: > 0 } types)
        {
            var taken = types[0] == "sliding_attention" ? window : null;
            if (from is not null && (taken is null ? first < layers : first > 0))
                fields.Warn("max_window_layers", $"{first} contradicts layer_types; layer_types is taken, as transformers does");
            return fields.SameWindowInAllLayers(taken);
        }

        if (first >= layers) return null;
        if (first > 0)
        {
            fields.Refuse(
                "max_window_layers", $"0, or at least num_hidden_layers = {layers}", $"{first}",
                "Bam has one window for all layers");
        }
        return window;
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
