namespace Bam.Checkpoints.Families;

/// <summary>
/// Command R7B and Command A (arXiv 2504.00698): Cohere with a window in three of four layers, which alone have rotary embedding.
/// Its names are Bam's own.
/// </summary>
internal static class Cohere2Family
{
    private const int LayersPerFullOne = 4;

    public static readonly ModelFamily Family = new()
    {
        ModelType = "cohere2", Read = Read, Buffers = LlamaFamily.Buffers, Harmless = CohereFamily.Family.Harmless,
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var period = fields.LayerInterval("sliding_window_pattern", LayersPerFullOne, layers: "layer_types");
        var window = fields.Has("sliding_window") ? fields.OptionalInt("sliding_window") : 4096;
        var config = CohereFamily.Common(fields)
            .WithLayerTypes(fields, window, layer => (layer + 1) % period != 0)
            .WithRotary(fields);
        if (config.LayerTypes.Count == 0 && config.SlidingWindow is not null) return config;
        var layers = Math.Clamp(config.NumHiddenLayers, 0, ModelSizeRules.MostTensors);
        return config with
        {
            NoRopeLayers = [.. Enumerable.Range(0, layers).Select(layer => config.WindowOf(layer) is null ? 0 : 1)],
        };
    }
}
