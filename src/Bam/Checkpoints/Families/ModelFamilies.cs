namespace Bam.Checkpoints.Families;

/// <summary>The families that Bam reads.</summary>
internal static class ModelFamilies
{
    public static readonly IReadOnlyList<ModelFamily> All =
    [
        BamFamily.Family,
        LlamaFamily.Family,
        MistralFamily.Family,
        MinistralFamily.Family,
        Ministral3Family.Family,
        MixtralFamily.Family,
        Qwen2Family.Family,
        Qwen3Family.Family,
        Qwen2MoeFamily.Family,
        Qwen3MoeFamily.Family,
        Gemma2Family.Family,
        Gemma3Family.Family,
        Phi3Family.Family,
        Olmo2Family.Family,
        OlmoeFamily.Family,
        GraniteFamily.Family,
        SmolLm3Family.Family,
        Starcoder2Family.Family,
        CohereFamily.Family,
        Cohere2Family.Family,
        GptNeoXFamily.Family,
        GptJFamily.Family,
        PhiFamily.Family,
    ];
}

/// <summary>Bam's own checkpoints.</summary>
internal static class BamFamily
{
    public static readonly ModelFamily Family = new() { ModelType = ModelConfigJson.ModelType, Read = ModelConfigJson.Read };
}
