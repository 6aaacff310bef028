using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>Fields of <c>config.json</c> that several of Hugging Face's families write alike.</summary>
internal static class HuggingFaceFields
{
    private const string LayerTypesKey = "layer_types";

    /// <summary>Sizes under their usual names; all else as in a plain parallel block of LayerNorm and SwiGLU.</summary>
    /// <param name="fields">The file.</param>
    /// <param name="maxPositions">The family's longest input, if the file has none; likewise the others.</param>
    /// <param name="isTied">Whether the head is the embedding matrix.</param>
    /// <param name="keyValueHeads">Null for as many as query heads.</param>
    /// <param name="headDim">Null for d / H.</param>
    public static ModelConfig Sizes(
        this JsonFields fields, int maxPositions, bool isTied = false, int? keyValueHeads = null, int? headDim = null)
    {
        var (hidden, heads) = (fields.Int("hidden_size"), fields.Int("num_attention_heads"));
        return new ModelConfig
        {
            VocabSize = fields.Int("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = fields.Int("intermediate_size"),
            NumHiddenLayers = fields.Int("num_hidden_layers"),
            NumAttentionHeads = heads,
            NumKeyValueHeads = fields.Int("num_key_value_heads", keyValueHeads ?? heads),
            HeadDim = fields.Int("head_dim", headDim ?? hidden / Math.Max(1, heads)),
            MaxPositionEmbeddings = fields.Int("max_position_embeddings", maxPositions),
            TieWordEmbeddings = fields.Flag("tie_word_embeddings", isTied),
            BosTokenId = fields.OptionalInt("bos_token_id"),
            EosTokenIds = fields.TokenIds("eos_token_id"),
            TorchDtype = fields.Dtype(),
        };
    }

    /// <summary>The activation under Bam's name; there are two of GELU, exact and by a hyperbolic tangent.</summary>
    public static string Activation(this JsonFields fields, string absent, string key = "hidden_act")
    {
        var name = fields.Text(key, absent);
        return name switch
        {
            "swish" => "silu",
            "gelu_fast" or "gelu_pytorch_tanh" => "gelu_new",
            _ => name,
        };
    }

    /// <summary>Refuses a sliding window, for a family that has none.</summary>
    public static void RequireNoWindow(this JsonFields fields)
    {
        var isOff = fields.Has("use_sliding_window") && !fields.Flag("use_sliding_window", absent: true);
        if (fields.OptionalInt("sliding_window") is { } window && !isOff)
            fields.Refuse("sliding_window", "null or no such key", $"{window}", "this family has no sliding window");
        fields.SameWindowInAllLayers(window: null);
    }

    /// <summary>Refuses layers that differ in their window, which is null for full attention.</summary>
    /// <returns><paramref name="window"/>.</returns>
    public static int? SameWindowInAllLayers(this JsonFields fields, int? window)
    {
        var expected = window is null ? "full_attention" : "sliding_attention";
        if (fields.LayerTypes().FirstOrDefault(type => type != expected) is { } other)
            fields.Refuse("layer_types", $"\"{expected}\" for every layer", Quoted(other), "Bam has one window for all layers");
        return window;
    }

    /// <summary>The kinds of layers in <c>layer_types</c>, each once; none where the key is absent.</summary>
    public static IReadOnlyList<string> LayerTypes(this JsonFields fields)
    {
        IReadOnlyList<string> types = [.. (fields.PeekTexts(LayerTypesKey) ?? []).Distinct()];
        fields.Skip(LayerTypesKey);
        return types;
    }

    /// <summary>The dtype of the weights, which transformers 5 calls <c>dtype</c>.</summary>
    public static string? Dtype(this JsonFields fields)
    {
        var (older, newer) = (fields.OptionalText("torch_dtype"), fields.OptionalText("dtype"));
        return older ?? newer;
    }

    /// <summary>A text of the file as messages show it: in quotes, its length bounded.</summary>
    public static string Quoted(string text) => $"\"{ShortText.Of(text)}\"";
}
