namespace Bam.Checkpoints.Families;

/// <summary>
/// SmolLM3 (Hugging Face, 2025): Llama without rotary embedding in some layers (arXiv 2501.18795). Its names are Bam's own.
/// </summary>
internal static class SmolLm3Family
{
    private const int LayersPerOneWithout = 4;

    public static readonly ModelFamily Family = new() { ModelType = "smollm3", Read = Read, Buffers = LlamaFamily.Buffers };

    private static ModelConfig Read(JsonFields fields)
    {
        var bias = fields.Flag("attention_bias", absent: false);
        var config = LlamaFamily.Common(
            fields, maxPositions: 32_768, theta: 2e6, keyValueHeads: 4, isTied: true);
        var interval = fields.LayerInterval("no_rope_layer_interval", LayersPerOneWithout, layers: "no_rope_layers");
        var given = fields.Integers("no_rope_layers");
        var layers = Math.Clamp(config.NumHiddenLayers, 0, ModelSizeRules.MostTensors);
        ValueList<int> rotary = given.Count > 0
            ? given
            : [.. Enumerable.Range(1, layers).Select(number => number % interval == 0 ? 0 : 1)];
        config = config with
        {
            NoRopeLayers = rotary.Contains(0) || rotary.Count != layers ? rotary : [],
            AttentionBias = bias,
            AttentionOutputBias = bias,
            MlpBias = fields.Flag("mlp_bias", absent: false),
        };
        var isUsed = fields.Flag("use_sliding_window", absent: false);
        var window = fields.OptionalInt("sliding_window");
        return config.WithLayerTypes(fields, isUsed ? window : null, layer => !config.HasRotary(layer));
    }
}
