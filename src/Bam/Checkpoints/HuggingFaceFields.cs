using System.Globalization;
using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>Fields of <c>config.json</c> that several of Hugging Face's families write alike.</summary>
internal static class HuggingFaceFields
{
    private const string LayerTypesKey = "layer_types";

    private const string FullAttention = "full_attention", SlidingAttention = "sliding_attention";

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
            HeadDim = fields.OptionalInt("head_dim") ?? headDim ?? fields.HeadDim(hidden, heads),
            MaxPositionEmbeddings = fields.Int("max_position_embeddings", maxPositions),
            TieWordEmbeddings = fields.Flag("tie_word_embeddings", isTied),
            BosTokenId = fields.OptionalInt("bos_token_id"),
            EosTokenIds = fields.TokenIds("eos_token_id"),
            TorchDtype = fields.Dtype(),
        };
    }

    /// <summary>d / H, of a file without <c>head_dim</c>.</summary>
    public static int HeadDim(
        this JsonFields fields, int hidden, int heads, string hiddenKey = "hidden_size", string headsKey = "num_attention_heads")
    {
        if (hidden > 0 && heads > hidden)
            throw fields.Fault(
                headsKey, $"at most {hiddenKey} = {hidden}", $"{heads}", $"a head has {hiddenKey} / {headsKey} dimensions");
        return hidden / Math.Max(1, heads);
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

    /// <summary>A number above 0 whose reciprocal is used.</summary>
    public static double PositiveNumber(this JsonFields fields, string key, double absent)
    {
        var number = fields.Number(key, absent);
        if (number > 0 && (float)(1 / number) is > 0 and < float.PositiveInfinity) return number;
        var expected = number > 0 ? "a number whose reciprocal is in the range of float32" : "a positive number";
        throw fields.Fault(key, expected, number.ToString(CultureInfo.InvariantCulture), "correct it");
    }

    /// <summary>Every how many layers one is of another kind, where the layers are not named one by one.</summary>
    /// <param name="fields">The file.</param>
    /// <param name="key">The key.</param>
    /// <param name="absent">The family's number.</param>
    /// <param name="layers">The key that names the layers one by one; where it is there, the interval says nothing.</param>
    public static int LayerInterval(this JsonFields fields, string key, int absent, string? layers = null)
    {
        var isUsed = layers is null || !fields.HasValue(layers);
        var interval = fields.Int(key, absent);
        if (isUsed && interval < 1)
            throw fields.Fault(key, "a positive number of layers", $"{interval}", "correct it");
        return Math.Max(1, interval);
    }

    /// <summary>Refuses a sliding window, for a family that has none.</summary>
    public static void RequireNoWindow(this JsonFields fields)
    {
        var isOff = fields.Has("use_sliding_window") && !fields.Flag("use_sliding_window", absent: true);
        if (fields.OptionalInt("sliding_window") is { } window && !isOff)
            fields.Refuse("sliding_window", "null or no such key", $"{window}", "this family has no sliding window");
        var types = fields.PeekTexts(LayerTypesKey) ?? [];
        fields.Skip(LayerTypesKey);
        if (types.FirstOrDefault(type => type != FullAttention) is { } other)
            fields.Refuse(
                LayerTypesKey, $"\"{FullAttention}\" for every layer", Quoted(other), "this family has no sliding window");
    }

    /// <summary>A configuration whose sliding window is in the layers that <c>layer_types</c> names.</summary>
    /// <param name="config">Everything else.</param>
    /// <param name="fields">The file.</param>
    /// <param name="window">The window; null for none.</param>
    /// <param name="slides">Whether a layer has the window, where the file has no <c>layer_types</c>.</param>
    public static ModelConfig WithLayerTypes(this ModelConfig config, JsonFields fields, int? window, Predicate<int> slides)
    {
        var given = fields.PeekTexts(LayerTypesKey);
        var named = given ?? [];
        fields.Skip(LayerTypesKey);
        if (named.FirstOrDefault(type => type is not (FullAttention or SlidingAttention)) is { } unknown)
        {
            fields.Refuse(
                LayerTypesKey, $"\"{FullAttention}\" or \"{SlidingAttention}\" for each layer", Quoted(unknown),
                "Bam has no other kind of attention");
            return config;
        }

        if (window is null && named.Contains(SlidingAttention))
            fields.Refuse(
                LayerTypesKey, $"\"{FullAttention}\" for every layer", Quoted(SlidingAttention),
                "there is no sliding_window; add it, or correct the layers");
        if (window is not null && given is not null && named.Count != config.NumHiddenLayers)
            fields.Refuse(
                LayerTypesKey, $"as many entries as num_hidden_layers = {config.NumHiddenLayers}", $"{named.Count}",
                "correct one of the two");
        if (window is null) return config with { SlidingWindow = null };

        // An impossible number of layers is refused later.
        var layers = Math.Clamp(config.NumHiddenLayers, 0, ModelSizeRules.MostTensors);
        var sliding = named.Count > 0
            ? named.Select(type => type == SlidingAttention).ToArray()
            : [.. Enumerable.Range(0, layers).Select(layer => slides(layer))];
        var areAlike = sliding.Distinct().Count() < 2;
        return config with
        {
            SlidingWindow = sliding.Contains(true) ? window : null,
            LayerTypes = areAlike
                ? []
                : [.. sliding.Select(slides => slides ? LayerType.SlidingAttention : LayerType.FullAttention)],
        };
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
