namespace Bam.Checkpoints.Families;

/// <summary>Mistral 7B (arXiv 2310.06825): Llama with a sliding window. Its names are Bam's own.</summary>
internal static class MistralFamily
{
    private const int DefaultWindow = 4096;

    public static readonly ModelFamily Family = new() { ModelType = "mistral", Read = Read, Buffers = LlamaFamily.Buffers };

    private static ModelConfig Read(JsonFields fields)
    {
        // An absent key means the default window; null means none.
        var window = fields.Has("sliding_window") ? fields.OptionalInt("sliding_window") : DefaultWindow;
        return LlamaFamily.Common(fields, maxPositions: 131_072, keyValueHeads: 8) with
        {
            SlidingWindow = WindowOfEveryLayer(fields, window),
        };
    }

    /// <summary>Mistral and Mixtral have the window in every layer, whatever other keys say.</summary>
    public static int? WindowOfEveryLayer(JsonFields fields, int? window)
    {
        var found = window is null ? "no sliding_window" : $"sliding_window = {window}";
        if (!fields.Flag("use_sliding_window", absent: window is not null) && window is not null)
            fields.Warn("use_sliding_window", $"false contradicts {found}, which is taken, as transformers does");
        if (fields.LayerTypes() is not { Count: > 0 } types) return window;
        if (types.Count > 1 || types[0] is not ("full_attention" or "sliding_attention"))
            fields.Refuse(
                "layer_types", "one of \"full_attention\" and \"sliding_attention\" for every layer",
                HuggingFaceFields.Quoted(types[^1]), "Bam has one window for all layers");
        else if (types[0] != (window is null ? "full_attention" : "sliding_attention"))
            fields.Warn("layer_types", $"\"{types[0]}\" contradicts {found}, which is taken, as transformers does");
        return window;
    }
}
