using Bam.Checkpoints;

namespace Bam.Exporting.Limits;

/// <summary>A model feature that a format does not support.</summary>
/// <param name="IsMet">True if a model has the feature.</param>
/// <param name="What">The feature, for messages.</param>
internal sealed record ExportLimit(Predicate<ModelConfig> IsMet, string What)
{
    /// <summary>For architectures that derive the width of a head from the width of the model.</summary>
    public static readonly ExportLimit OtherHeadWidth = new(
        config => (long)config.NumAttentionHeads * config.HeadDim != config.HiddenSize,
        "heads that are not hidden_size / num_attention_heads wide");

    /// <summary>For architectures that are mixtures only.</summary>
    public static readonly ExportLimit Dense = new(config => config.NumLocalExperts == 1, "a dense feed-forward");

    /// <summary>Only Ministral 3 has these.</summary>
    public static readonly ExportLimit GrowingQueries = new(
        config => config.RopeScaling is { Llama4ScalingBeta: > 0 },
        $"queries that grow with their position ({RotaryFields.QueryBeta})");

    /// <summary>Rejects a model with one of the features.</summary>
    /// <exception cref="InvalidInputException">The model has such a feature; the message names the first one.</exception>
    public static void Require(ModelConfig config, string where, IEnumerable<ExportLimit> limits, string format)
    {
        if (limits.FirstOrDefault(limit => limit.IsMet(config)) is { } met) throw Refused(where, format, met.What);
    }

    /// <summary>Rejects a model that differs from the one that the format would express.</summary>
    /// <param name="config">The model.</param>
    /// <param name="expressed">What readers of the format would compute.</param>
    /// <param name="where">The model's name in the message.</param>
    /// <param name="format">The format's name.</param>
    /// <exception cref="InvalidInputException">They differ in a key that changes results; the message names one.</exception>
    public static void RequireSame(ModelConfig config, ModelConfig expressed, string where, string format)
    {
        if (FeatureWords.FirstDifference(config, expressed) is { } what) throw Refused(where, format, what);
    }

    public static InvalidInputException Refused(string where, string format, string what) => new(
        where, $"a model that --format {format} can express exactly", $"one with {what}",
        "use --format hf, which expresses every model of Bam");
}
