namespace Bam.Checkpoints.Families;

/// <summary>Granite 3 (IBM, 2024): Llama with multipliers of embeddings, scores, branches and logits. Bam's own names.</summary>
internal static class GraniteFamily
{
    public static readonly ModelFamily Family = new() { ModelType = "granite", Read = Read, Buffers = LlamaFamily.Buffers };

    private static ModelConfig Read(JsonFields fields) => LlamaFamily.WithBiases(fields) with
    {
        EmbeddingMultiplier = fields.Number("embedding_multiplier", 1),
        AttentionMultiplier = fields.Number("attention_multiplier", 1),
        ResidualMultiplier = fields.Number("residual_multiplier", 1),
        LogitScale = 1 / fields.PositiveNumber("logits_scaling", 1),
    };
}
