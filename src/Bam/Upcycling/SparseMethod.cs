using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>Sparse upcycling (arXiv 2212.05055): every feed-forward expert is a copy of one dense model's.</summary>
internal sealed class SparseMethod : IMixtureMethod
{
    /// <inheritdoc/>
    public string Name => "sparse";

    /// <inheritdoc/>
    public string Description => "one dense model, its feed-forward copied to every expert";

    /// <inheritdoc/>
    public ModelConfig Configure(ModelConfig seed, MixtureOptions options)
    {
        ArgumentNullException.ThrowIfNull(seed);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Experts.Count > 0)
            throw new InvalidInputException($"{Name}: expert", "the seed alone", options.Experts[0], "leave the experts out, or use btx to mix several models");
        if (options.FeedForwardExperts is null)
            throw new InvalidInputException($"{Name}: experts", "the number of copies", "none", "say how many, for example --experts 4");
        OptionRules.RefuseAttentionExperts(Name, options);
        OptionRules.Refuse(Name, "router-text", options.RouterTexts is not null, "its experts are all the same");
        return OptionRules.WithFeedForwardExperts(seed, options, models: 1);
    }
}
