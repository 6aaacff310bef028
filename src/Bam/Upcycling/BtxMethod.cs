using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>Branch-Train-MiX (arXiv 2403.07816): feed-forward experts from every model, attention their mean.</summary>
internal sealed class BtxMethod : IMixtureMethod
{
    /// <inheritdoc/>
    public string Name => "btx";

    /// <inheritdoc/>
    public string Description => "feed-forward experts from every model, attention and the rest their mean";

    /// <inheritdoc/>
    public OptionFault? FindFault(MixtureOptions options) =>
        OptionRules.NoAttentionExperts(Name, options)
        ?? OptionRules.SeveralModels(Name, options)
        ?? OptionRules.FeedForwardExperts(options);

    /// <inheritdoc/>
    public ModelConfig Configure(ModelConfig seed, MixtureOptions options) => options.WithFeedForwardExperts(seed);
}
