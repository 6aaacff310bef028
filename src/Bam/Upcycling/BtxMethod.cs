using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>Branch-Train-MiX (arXiv 2403.07816): feed-forward experts from every model, attention their mean.</summary>
internal sealed class BtxMethod : IMixtureMethod
{
    public string Name => "btx";

    public string Description => "feed-forward experts from every model, attention and the rest their mean";

    public OptionFault? FindFault(MixtureOptions options) =>
        OptionRules.NoAttentionExperts(Name, options)
        ?? OptionRules.SeveralModels(Name, options)
        ?? OptionRules.FeedForwardExperts(options);

    public ModelConfig Configure(ModelConfig seed, MixtureOptions options) => options.WithFeedForwardExperts(seed);
}
