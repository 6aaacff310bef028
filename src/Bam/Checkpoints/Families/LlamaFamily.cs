namespace Bam.Checkpoints.Families;

/// <summary>Llama 1 to 3 (arXiv 2302.13971, 2307.09288, 2407.21783). Its names are Bam's own.</summary>
internal static class LlamaFamily
{
    /// <summary>A table of each layer that older files carry.</summary>
    public static readonly IReadOnlyList<string> Buffers = [".rotary_emb.inv_freq"];

    public static readonly ModelFamily Family = new() { ModelType = "llama", Read = WithBiases, Buffers = Buffers };

    /// <summary>Llama's fields: <see cref="Common"/>, with the biases of the file, and no window.</summary>
    public static ModelConfig WithBiases(JsonFields fields)
    {
        var bias = fields.Flag("attention_bias", absent: false);
        fields.RequireNoWindow();
        return Common(fields) with
        {
            AttentionBias = bias,
            AttentionOutputBias = bias,
            MlpBias = fields.Flag("mlp_bias", absent: false),
        };
    }

    /// <summary>The fields that relatives of Llama share, and their architecture: sequential blocks, RMSNorm, SwiGLU.</summary>
    /// <param name="fields">The file.</param>
    /// <param name="maxPositions">As in <see cref="HuggingFaceFields.Sizes"/>; so are the last three.</param>
    /// <param name="normEps">The default of the norms' ε.</param>
    /// <param name="theta">The default of the rotary base.</param>
    /// <param name="keyValueHeads">Null for as many as query heads.</param>
    /// <param name="headDim">Null for d / H.</param>
    /// <param name="isTied">Whether the head is the embedding matrix.</param>
    public static ModelConfig Common(
        JsonFields fields, int maxPositions = 2048, double normEps = 1e-6, double theta = 10_000, int? keyValueHeads = null,
        int? headDim = null, bool isTied = false) =>
        Form(fields, maxPositions, normEps, keyValueHeads, headDim, isTied).WithRotary(fields, theta);

    /// <summary><see cref="Common"/> without the rotary settings.</summary>
    public static ModelConfig Form(
        JsonFields fields, int maxPositions, double normEps, int? keyValueHeads = null, int? headDim = null, bool isTied = false)
        =>
        fields.Sizes(maxPositions, isTied, keyValueHeads, headDim) with
        {
            ParallelBlock = false,
            NormType = NormType.RmsNorm,
            NormEps = fields.Number("rms_norm_eps", normEps),
            HiddenAct = fields.Activation("silu"),
        };
}
