using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>The uniform model soup (arXiv 2203.05482): one dense model, the mean of all.</summary>
internal sealed class SoupMethod : IMixtureMethod
{
    public string Name => "soup";

    public string Description => "one dense model, the mean of all";

    public OptionFault? FindFault(MixtureOptions options) =>
        OptionRules.SeveralModels(Name, options)
        ?? OptionRules.NoAttentionExperts(Name, options)
        ?? OptionRules.NoFeedForwardExperts(Name, options);

    public ModelConfig Configure(ModelConfig seed, MixtureOptions options) => seed;
}
