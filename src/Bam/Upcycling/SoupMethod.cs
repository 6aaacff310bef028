using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>The uniform model soup (arXiv 2203.05482): one dense model, the mean of all.</summary>
internal sealed class SoupMethod : IMixtureMethod
{
    /// <inheritdoc/>
    public string Name => "soup";

    /// <inheritdoc/>
    public string Description => "one dense model, the mean of all";

    /// <inheritdoc/>
    public ModelConfig Configure(ModelConfig seed, MixtureOptions options)
    {
        ArgumentNullException.ThrowIfNull(seed);
        ArgumentNullException.ThrowIfNull(options);
        OptionRules.RequireSeveralModels(Name, options);
        OptionRules.RefuseAttentionExperts(Name, options);
        OptionRules.RefuseFeedForwardExperts(Name, options);
        return seed;
    }
}
