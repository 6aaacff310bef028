namespace Bam.Checkpoints.Families;

/// <summary>Fields of <c>config.json</c> that several of Hugging Face's families write alike.</summary>
internal static class HuggingFaceFields
{
    /// <summary>Sizes under the names that most families have for them; all else as in a plain parallel block of LayerNorm and SwiGLU.</summary>
    /// <param name="fields">The file.</param>
    /// <param name="maxPositions">The family's longest input, where the file says none; so are the others.</param>
    /// <param name="isTied">Whether the head is the embedding matrix.</param>
    /// <param name="keyValueHeads">Null for as many as query heads.</param>
    /// <param name="headDim">Null for d / H.</param>
    public static ModelConfig Sizes(this JsonFields fields, int maxPositions, bool isTied = false, int? keyValueHeads = null, int? headDim = null)
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

    /// <summary>
    /// Rotary embedding: <c>rope_parameters</c> (transformers 5), else <c>rope_theta</c>, <c>rope_scaling</c> and
    /// <c>partial_rotary_factor</c> beside the other fields.
    /// </summary>
    /// <param name="config">Everything else.</param>
    /// <param name="fields">The file.</param>
    /// <param name="theta">The family's base, where the file has none.</param>
    /// <param name="rotaryFactor">The rotated part of a head, where the file has none.</param>
    /// <param name="thetaKey">What older files call the base.</param>
    /// <param name="factorKey">What older files call the rotated part.</param>
    public static ModelConfig WithRotary(
        this ModelConfig config, JsonFields fields, double theta = 10_000, double rotaryFactor = 1, string thetaKey = "rope_theta",
        string factorKey = "partial_rotary_factor")
    {
        var (outerTheta, outerFactor) = (fields.OptionalNumber(thetaKey), fields.OptionalNumber(factorKey));
        var rope = fields.Object("rope_parameters");
        var (innerTheta, innerFactor) = (rope?.OptionalNumber("rope_theta"), rope?.OptionalNumber("partial_rotary_factor"));
        var (newer, older) = (ReadScaling(rope), ReadScaling(fields.Object("rope_scaling")));
        return config with
        {
            RopeTheta = innerTheta ?? outerTheta ?? theta,
            PartialRotaryFactor = innerFactor ?? outerFactor ?? rotaryFactor,
            RopeScaling = older ?? newer,
        };
    }

    /// <summary>The activation under Bam's name; there are two of GELU, exact and by a hyperbolic tangent.</summary>
    public static string Activation(this JsonFields fields, string absent, string key = "hidden_act") => fields.Text(key, absent) switch
    {
        "swish" => "silu",
        "gelu_fast" or "gelu_pytorch_tanh" => "gelu_new",
        var name => name,
    };

    /// <summary>Refuses layers that differ in what they look at.</summary>
    /// <param name="fields">The file; <c>layer_types</c> is read.</param>
    /// <param name="window">The window of all layers, or null.</param>
    /// <returns><paramref name="window"/>.</returns>
    public static int? SameWindowInAllLayers(this JsonFields fields, int? window)
    {
        var expected = window is null ? "full_attention" : "sliding_attention";
        if (fields.OptionalTexts("layer_types")?.FirstOrDefault(type => type != expected) is { } other)
            throw fields.Fault("layer_types", $"\"{expected}\" for every layer", $"\"{other}\"", "Bam has one window for all layers");
        return window;
    }

    /// <summary>The dtype of the weights, which transformers 5 calls <c>dtype</c>.</summary>
    public static string? Dtype(this JsonFields fields)
    {
        var (older, newer) = (fields.OptionalText("torch_dtype"), fields.OptionalText("dtype"));
        return older ?? newer;
    }

    private static RopeScaling? ReadScaling(JsonFields? fields)
    {
        if (fields is null) return null;
        if (fields.Has("type")) fields.Rename("type", "rope_type");
        if (!fields.Takes("rope_type", "default")) return ModelConfigJson.ReadScaling(fields);
        fields.RefuseUnread();
        return null;
    }
}
