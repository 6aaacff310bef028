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
    public ModelConfig Configure(ModelConfig seed, MixtureOptions options)
    {
        ArgumentNullException.ThrowIfNull(seed);
        ArgumentNullException.ThrowIfNull(options);
        OptionRules.RefuseAttentionExperts(Name, options);
        return OptionRules.WithFeedForwardExperts(seed, options, OptionRules.RequireSeveralModels(Name, options));
    }
}
