using Bam.Checkpoints;

namespace Bam.Exporting;

/// <summary>Something that a format has no way to say.</summary>
/// <param name="IsMet">Whether a model has it.</param>
/// <param name="What">What the model then has, in words.</param>
internal sealed record ExportLimit(Predicate<ModelConfig> IsMet, string What)
{
    /// <summary>What Llama's relatives in other software cannot compute.</summary>
    public static readonly IReadOnlyList<ExportLimit> OfLlama =
    [
        new(config => config.NumAttentionExperts > 1, "attention experts"),
        new(config => config.ParallelBlock, "parallel blocks"),
        new(config => config.NormType != NormType.RmsNorm, "LayerNorm"),
        new(config => config.NormBias, "norms with biases"),
        new(config => !config.GatedMlp || config.HiddenAct != "silu", "a feed-forward that is no SwiGLU"),
        new(config => config.QueryKeyNorm != QueryKeyNorm.None, "norms of queries and keys"),
        new(config => config.RotaryDim != config.HeadDim, "heads of which a part is rotated"),
        new(config => config.LogitScale != 1, "scaled logits"),
        new(config => config.LmHeadBias, "a bias of the head"),
    ];

    /// <summary>Checkpoints of Llama's relatives have rotary pairs as halves.</summary>
    public static readonly ExportLimit NeighbouringPairs = new(config => config.RopeInterleaved, "rotary pairs that are neighbours");

    /// <summary>Refuses a model that meets one of several.</summary>
    /// <param name="config">The model.</param>
    /// <param name="where">What to call it.</param>
    /// <param name="limits">The format's.</param>
    /// <param name="format">The format's name.</param>
    /// <exception cref="InvalidInputException">Names the first.</exception>
    public static void Require(ModelConfig config, string where, IEnumerable<ExportLimit> limits, string format)
    {
        if (limits.FirstOrDefault(limit => limit.IsMet(config)) is { } met)
        {
            throw new InvalidInputException(
                where, $"a model that --format {format} can express exactly", $"one with {met.What}", "use --format hf, which expresses every model of Bam");
        }
    }
}
