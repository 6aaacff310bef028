using Bam.Checkpoints.Adapters;
using Bam.Checkpoints.Families;
using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Checkpoints.Opening;

/// <summary>Reads a <c>config.json</c>, of Bam or of a family that it reads, and validates it.</summary>
internal static class ModelConfigReader
{
    /// <summary>
    /// Reads <c>config.json</c> of a checkpoint directory or of BASE+ADAPTER, and where it ties the head, whether the weights do:
    /// the same as <see cref="Checkpoint.Config"/>.
    /// </summary>
    /// <exception cref="InvalidInputException">It is missing, or as <see cref="Parse"/> says.</exception>
    public static ModelConfig Load(string directory, IReporter reporter)
    {
        var source = ModelPath.Of(directory);
        var (family, config) = ReadDirectory(source.Base, reporter);
        return TiedHead.Resolve(family, config, source, reporter);
    }

    /// <summary>Reads the text of a <c>config.json</c>, whose file <paramref name="where"/> names in messages.</summary>
    /// <exception cref="InvalidInputException">
    /// It is no JSON, of no known family, or has a key or value that Bam cannot honour.
    /// </exception>
    public static ModelConfig Parse(string json, string where, IReporter reporter) =>
        Read(json, where, reporter, stored: null).Config;

    /// <summary>
    /// The family too, and what <c>generation_config.json</c> adds, but the head as <c>config.json</c> has it. Weights that are
    /// <paramref name="stored"/> beside it must be able to hold the model.
    /// </summary>
    internal static (ModelFamily Family, ModelConfig Config) ReadDirectory(
        string directory, IReporter reporter, ShardSet? stored = null)
    {
        var path = Path.Combine(directory, ModelConfig.FileName);
        if (!Path.Exists(path) && File.Exists(Path.Combine(directory, AdapterConfig.FileName)))
            throw new InvalidInputException(
                directory, ModelConfig.FileName, $"only {AdapterConfig.FileName}, an adapter for another model",
                $"name both as BASE+{directory}, with that model's directory as BASE");
        var missing = ModelPath.MissingSide(directory) is { } side ? $"; of BASE+ADAPTER {side} does not exist" : "";
        var json = InputFile.ReadAllText(
            path, $"a checkpoint is a directory with config.json, model.safetensors and tokenizer.json{missing}");
        var (family, config) = Read(json, path, reporter, stored);
        return (family, GenerationSettings.Join(config, directory, reporter));
    }

    private static (ModelFamily Family, ModelConfig Config) Read(string json, string where, IReporter reporter, ShardSet? stored)
    {
        var fields = new JsonFields(json, where);
        var family = FamilyOf(fields);
        var config = family.Read(fields);
        config = config with { PadTokenId = fields.TokenId("pad_token_id", config.VocabSize) };
        fields.Skip([.. family.Ignored]);
        fields.RefuseUnread(family.Harmless);
        ModelConfigRules.Check(config, new ConfigPlace(fields), stored);
        foreach (var warning in fields.Warnings) reporter.Warn(warning);
        return (family, config);
    }

    private static ModelFamily FamilyOf(JsonFields fields)
    {
        const string Key = "model_type";
        var modelType = fields.Text(Key);
        if (ModelFamilies.All.FirstOrDefault(family => family.ModelType == modelType) is { } known) return known;
        var expected = $"one of {string.Join(", ", ModelFamilies.All.Select(family => family.ModelType))}";
        var hint = fields.HasObject("text_config")
            ? "Bam reads no model that wraps another (text_config); save its language model alone with transformers"
            : "Bam does not read this family";
        throw fields.Fault(Key, expected, HuggingFaceFields.Quoted(modelType), hint);
    }
}
