namespace Bam.Checkpoints.Families;

/// <summary>Mistral 7B (arXiv 2310.06825): Llama with a sliding window. Its names are Bam's own.</summary>
internal static class MistralFamily
{
    private const int DefaultWindow = 4096;

    /// <summary>The table.</summary>
    public static readonly ModelFamily Family = new() { ModelType = "mistral", Read = Read, Buffers = LlamaFamily.Buffers };

    private static ModelConfig Read(JsonFields fields)
    {
        // Without the key the window is the first model's; null says that there is none.
        var window = fields.Has("sliding_window") ? fields.OptionalInt("sliding_window") : DefaultWindow;
        return LlamaFamily.Common(fields, maxPositions: 131_072, keyValueHeads: 8) with { SlidingWindow = fields.SameWindowInAllLayers(window) };
    }
}
