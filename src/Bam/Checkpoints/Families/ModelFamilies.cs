using Bam.Files;

namespace Bam.Checkpoints.Families;

/// <summary>The families that Bam reads.</summary>
internal static class ModelFamilies
{
    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<ModelFamily> All =
    [
        BamFamily.Family, LlamaFamily.Family, MistralFamily.Family, MixtralFamily.Family, Qwen2Family.Family, Qwen3Family.Family,
        CohereFamily.Family, GptNeoXFamily.Family, GptJFamily.Family, PhiFamily.Family,
    ];

    /// <summary>Reads <c>config.json</c> of a checkpoint directory, and what <c>generation_config.json</c> adds to it.</summary>
    /// <exception cref="InvalidInputException">It is missing, or as <see cref="Read"/> says.</exception>
    public static (ModelFamily Family, ModelConfig Config) Load(string directory, IReporter reporter, ShardSet? stored = null)
    {
        var path = Path.Combine(directory, ModelConfig.FileName);
        var (family, config) = Read(InputFile.ReadAllText(path, "a checkpoint is a directory with config.json, model.safetensors and tokenizer.json"), path, reporter, stored);
        return (family, GenerationSettings.Join(config, directory, reporter));
    }

    /// <summary>Reads and validates the text of a <c>config.json</c>.</summary>
    /// <param name="json">The text.</param>
    /// <param name="where">Its file, for messages.</param>
    /// <param name="reporter">Warned of what is read otherwise than the user may expect.</param>
    /// <param name="stored">The weights beside it, which must be able to hold the model; null without any.</param>
    /// <exception cref="InvalidInputException">It is not JSON, of no known family, or holds a value or key that Bam cannot honour.</exception>
    public static (ModelFamily Family, ModelConfig Config) Read(string json, string where, IReporter reporter, ShardSet? stored = null)
    {
        var fields = new JsonFields(json, where);
        var modelType = fields.Text("model_type");
        var family = All.FirstOrDefault(family => family.ModelType == modelType)
            ?? throw fields.Fault(
                "model_type", $"one of {string.Join(", ", All.Select(known => known.ModelType))}", HuggingFaceFields.Quoted(modelType),
                fields.HasObject("text_config") ? "Bam reads no model that wraps another (text_config); save its language model alone with transformers"
                : "Bam does not read this family");
        var config = family.Read(fields);
        config = config with { PadTokenId = fields.TokenId("pad_token_id", config.VocabSize) };
        fields.RefuseUnread(family.Harmless);
        ModelConfigRules.Check(config, where, stored);
        foreach (var warning in fields.Warnings) reporter.Warn(warning);
        return (family, config);
    }
}
