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
    public OptionFault? FindFault(MixtureOptions options) =>
        OptionRules.SeveralModels(Name, options)
        ?? OptionRules.NoAttentionExperts(Name, options)
        ?? OptionRules.NoFeedForwardExperts(Name, options);

    /// <inheritdoc/>
    public ModelConfig Configure(ModelConfig seed, MixtureOptions options) => seed;
}
