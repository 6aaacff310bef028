namespace Bam.Checkpoints.Families;

/// <summary>
/// OLMo 2 (arXiv 2501.00656): Llama with norms after the branches instead of before them, and norms of all queries and of all
/// keys. Its names are Bam's own.
/// </summary>
internal static class Olmo2Family
{
    public static readonly ModelFamily Family = new() { ModelType = "olmo2", Read = Read, Buffers = LlamaFamily.Buffers };

    private static ModelConfig Read(JsonFields fields)
    {
        var bias = fields.Flag("attention_bias", absent: false);
        fields.RequireNoWindow();
        return LlamaFamily.Common(fields, normEps: 1e-5) with
        {
            NormPlacement = NormPlacement.Output,
            QueryKeyNorm = QueryKeyNorm.AllHeads,
            AttentionBias = bias,
            AttentionOutputBias = bias,
        };
    }
}
