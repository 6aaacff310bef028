namespace Bam.Checkpoints.Families;

/// <summary>Mistral 7B (arXiv 2310.06825): Llama with a sliding window. Its names are Bam's own.</summary>
internal static class MistralFamily
{
    private const int DefaultWindow = 4096;

    private const string FullAttention = "full_attention", SlidingAttention = "sliding_attention";

    public static readonly ModelFamily Family = new() { ModelType = "mistral", Read = Read, Buffers = LlamaFamily.Buffers };

    private static ModelConfig Read(JsonFields fields)
    {
        var config = LlamaFamily.Common(fields, maxPositions: 131_072, keyValueHeads: 8);
        return config.WithUniformWindow(fields, Window(fields));
    }

    /// <summary>The window: an absent key means the default, null means none.</summary>
    public static int? Window(JsonFields fields) =>
        fields.Has("sliding_window") ? fields.OptionalInt("sliding_window") : DefaultWindow;

    /// <summary>
    /// Mistral and Mixtral have the window in every layer, whatever other keys say, unless <c>layer_types</c> names layers of
    /// both types.
    /// </summary>
    public static ModelConfig WithUniformWindow(this ModelConfig config, JsonFields fields, int? window)
    {
        var found = window is null ? "no sliding_window" : $"sliding_window = {window}";
        if (!fields.Flag("use_sliding_window", absent: window is not null) && window is not null)
            fields.Warn("use_sliding_window", $"false contradicts {found}, which is taken, as transformers does");
        var types = (fields.PeekTexts("layer_types") ?? []).Distinct().ToList();
        if (types is [FullAttention or SlidingAttention])
        {
            fields.Skip("layer_types");
            if (types[0] != (window is null ? FullAttention : SlidingAttention))
                fields.Warn("layer_types", $"\"{types[0]}\" contradicts {found}, which is taken, as transformers does");
        }

        return config.WithLayerTypes(fields, window, _ => true);
    }
}

/// <summary>Ministral 8B (Mistral AI, 2024): Mistral with the window in some layers. Its names are Bam's own.</summary>
internal static class MinistralFamily
{
    public static readonly ModelFamily Family = new() { ModelType = "ministral", Read = Read, Buffers = LlamaFamily.Buffers };

    private static ModelConfig Read(JsonFields fields)
    {
        var config = LlamaFamily.Common(fields, maxPositions: 131_072, keyValueHeads: 8);
        return config.WithLayerTypes(fields, MistralFamily.Window(fields), _ => true);
    }
}

/// <summary>
/// Ministral 3's language model (Mistral AI, 2025): Mistral with YaRN, and queries that grow with their position. Its names are
/// Bam's own.
/// </summary>
internal static class Ministral3Family
{
    /// <summary>What a file without rotary settings means.</summary>
    private static readonly RopeScaling Scaling = new(RopeScalingType.Yarn, 16)
    {
        OriginalMaxPositionEmbeddings = 16_384, BetaFast = 32, BetaSlow = 1, Llama4ScalingBeta = 0.1,
    };

    public static readonly ModelFamily Family = new() { ModelType = "ministral3", Read = Read, Buffers = LlamaFamily.Buffers };

    private static ModelConfig Read(JsonFields fields)
    {
        var isScaled = fields.Has("rope_parameters") || fields.Has("rope_scaling");
        // Null means d / H, an absent key 128.
        var headDim = fields.Has("head_dim") ? (int?)null : 128;
        var config = LlamaFamily.Form(fields, maxPositions: 262_144, normEps: 1e-5, keyValueHeads: 8, headDim: headDim)
            .WithUniformWindow(fields, fields.OptionalInt("sliding_window"))
            .WithRotary(fields, theta: 1e6, hasQueryFactor: true);
        return isScaled ? config : config with { RopeScaling = Scaling };
    }
}
