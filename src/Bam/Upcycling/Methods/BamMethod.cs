using Bam.Checkpoints;

namespace Bam.Upcycling.Methods;

/// <summary>
/// Branch-Attend-Mix (arXiv 2408.08274): attention and feed-forward experts from every model. Sharing keys and values, or
/// routing attention to the top k, are the paper's variants.
/// </summary>
public sealed class BamMethod : IMixtureMethod
{
    /// <inheritdoc/>
    public string Name => "bam";

    /// <inheritdoc/>
    public string Description => "attention and feed-forward experts from every model, the rest their mean";

    /// <inheritdoc/>
    public ModelConfig Configure(ModelConfig seed, MixtureOptions options)
    {
        ArgumentNullException.ThrowIfNull(seed);
        ArgumentNullException.ThrowIfNull(options);
        var models = OptionRules.RequireSeveralModels(Name, options);
        if (options.AttentionTopK is { } k && (k < 1 || k > models))
            throw new InvalidInputException("attention-top-k", $"1 to {models}, the number of models", $"{k}", "choose another or leave it out for soft routing");
        return OptionRules.WithFeedForwardExperts(seed, options, models) with
        {
            NumAttentionExperts = models,
            AttentionRouting = options.AttentionTopK is null ? AttentionRouting.Soft : AttentionRouting.TopK,
            NumAttentionExpertsPerTok = options.AttentionTopK,
            ShareKeyValue = options.ShareKeyValue,
        };
    }
}
