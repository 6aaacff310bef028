using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>Sparse upcycling (arXiv 2212.05055): every feed-forward expert is a copy of one dense model's.</summary>
internal sealed class SparseMethod : IMixtureMethod
{
    public string Name => "sparse";

    public string Description => "one dense model, its feed-forward copied to every expert";

    public OptionFault? FindFault(MixtureOptions options) =>
        SeedAlone(options)
        ?? OptionRules.NoAttentionExperts(Name, options)
        ?? OptionRules.NotGiven(Name, "router-text", options.RouterTexts is not null, "its experts are all the same")
        ?? OptionRules.FeedForwardExperts(options);

    public ModelConfig Configure(ModelConfig seed, MixtureOptions options) => options.WithFeedForwardExperts(seed);

    private OptionFault? SeedAlone(MixtureOptions options)
    {
        if (options.Experts.Count > 0)
        {
            const string Hint = "leave the experts out, or use btx to mix several models";
            return OptionRules.Fault("expert", "the seed alone", options.Experts[0], Hint, where: $"{Name}: expert");
        }

        const string Count = "say how many, for example --experts 4";
        return options.FeedForwardExperts is not null ? null
            : OptionRules.Fault("experts", "the number of copies", "none", Count, where: $"{Name}: experts");
    }
}
