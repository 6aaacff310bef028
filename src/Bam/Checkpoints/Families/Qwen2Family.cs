namespace Bam.Checkpoints.Families;

/// <summary>Qwen2 and 2.5 (arXiv 2407.10671): Llama with biases on queries, keys and values. Its names are Bam's own.</summary>
internal static class Qwen2Family
{
    /// <summary>Fields of features that Bam's users of these models do not meet, switched off.</summary>
    public static readonly IReadOnlyDictionary<string, string?> Harmless = new Dictionary<string, string?> { ["use_mrope"] = "false" };

    /// <summary>The table.</summary>
    public static readonly ModelFamily Family = new()
    {
        ModelType = "qwen2",
        Read = fields => Common(fields, headDim: null) with { AttentionBias = true },
        Buffers = LlamaFamily.Buffers,
        Harmless = Harmless,
    };

    /// <summary>What Qwen2 and Qwen3 share.</summary>
    /// <param name="fields">The file.</param>
    /// <param name="headDim">As in <see cref="LlamaFamily.Common"/>.</param>
    public static ModelConfig Common(JsonFields fields, int? headDim)
    {
        var config = LlamaFamily.Common(fields, maxPositions: 32_768, keyValueHeads: 32, headDim: headDim);
        return config with { SlidingWindow = fields.SameWindowInAllLayers(ReadWindow(fields, config.NumHiddenLayers)) };
    }

    // The window, where it is used, is that of the layers from max_window_layers on.
    private static int? ReadWindow(JsonFields fields, int layers)
    {
        var (isUsed, window, from) = (
            fields.Flag("use_sliding_window", absent: false), fields.Int("sliding_window", 4096), fields.Int("max_window_layers", 28));
        if (!isUsed || from >= layers) return null;
        return from == 0
            ? window
            : throw fields.Fault("max_window_layers", $"0, or at least num_hidden_layers = {layers}", $"{from}", "Bam has one window for all layers");
    }
}
