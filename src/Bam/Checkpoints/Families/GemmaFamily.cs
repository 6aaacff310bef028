namespace Bam.Checkpoints.Families;

/// <summary>
/// Gemma 2 (arXiv 2408.00118): norms before and after each branch that multiply by 1 + weight, scaled embeddings, soft caps, a
/// window in every other layer. Its names are Bam's own.
/// </summary>
internal static class Gemma2Family
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "gemma2",
        Read = fields => Common(fields).WithSoftCaps(fields, ofScores: 50, ofLogits: 30)
            .WithLayerTypes(fields, Window(fields), layer => layer % 2 == 0)
            .WithRotary(fields),
        Buffers = LlamaFamily.Buffers,
    };

    /// <summary>What Gemma 2 and 3 share.</summary>
    public static ModelConfig Common(JsonFields fields)
    {
        var bias = fields.Flag("attention_bias", absent: false);
        var config = fields.Sizes(maxPositions: 8192, isTied: true, keyValueHeads: 4, headDim: 256) with
        {
            ParallelBlock = false,
            NormType = NormType.RmsNorm,
            NormPlacement = NormPlacement.Both,
            NormUnitOffset = true,
            NormEps = fields.Number("rms_norm_eps", 1e-6),
            HiddenAct = fields.Activation("gelu_pytorch_tanh", "hidden_activation"),
            AttentionBias = bias,
            AttentionOutputBias = bias,
            AttentionMultiplier = 1 / Math.Sqrt(fields.PositiveNumber("query_pre_attn_scalar", 256)),
        };
        fields.Skip("hidden_act");  // older files have it beside hidden_activation, which counts
        return config with { EmbeddingMultiplier = Math.Sqrt(Math.Max(1, config.HiddenSize)) };
    }

    /// <summary>With the soft caps of its file, where null means none.</summary>
    public static ModelConfig WithSoftCaps(this ModelConfig config, JsonFields fields, double? ofScores, double? ofLogits)
    {
        return config with
        {
            AttnLogitSoftcapping = Cap("attn_logit_softcapping", ofScores),
            FinalLogitSoftcapping = Cap("final_logit_softcapping", ofLogits),
        };

        double? Cap(string key, double? absent) => fields.Has(key) ? fields.OptionalNumber(key) : absent;
    }

    /// <summary>The window of the layers that have one; null where the file says so.</summary>
    public static int? Window(JsonFields fields) =>
        fields.Has("sliding_window") ? fields.OptionalInt("sliding_window") : 4096;
}

/// <summary>
/// Gemma 3's language model (arXiv 2503.19786): Gemma 2 with norms of queries and keys instead of soft caps, a window in five of
/// six layers, and a rotary base for each type of layer. Its names are Bam's own.
/// </summary>
internal static class Gemma3Family
{
    private const int LayersPerFullOne = 6;

    public static readonly ModelFamily Family = new()
    {
        ModelType = "gemma3_text",
        Read = Read,
        Buffers = LlamaFamily.Buffers,
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var period = fields.LayerInterval("sliding_window_pattern", LayersPerFullOne, layers: "layer_types");
        var config = Gemma2Family.Common(fields) with { QueryKeyNorm = QueryKeyNorm.Shared };
        return config.WithSoftCaps(fields, ofScores: null, ofLogits: null)
            .WithLayerTypes(fields, Gemma2Family.Window(fields), layer => (layer + 1) % period != 0)
            .WithRotaryByLayerType(fields, theta: 1e6, localTheta: 10_000);
    }
}
