namespace Bam.Checkpoints.Families;

/// <summary>Qwen3 (arXiv 2505.09388): Qwen2 with a norm on queries and keys in place of biases. Its names are Bam's own.</summary>
internal static class Qwen3Family
{
    /// <summary>The table.</summary>
    public static readonly ModelFamily Family = new()
    {
        ModelType = "qwen3",
        Read = Read,
        Buffers = LlamaFamily.Buffers,
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var bias = fields.Flag("attention_bias", absent: false);
        return Qwen2Family.Common(fields, headDim: 128) with
        {
            AttentionBias = bias,
            AttentionOutputBias = bias,
            QueryKeyNorm = QueryKeyNorm.Shared,
        };
    }
}
