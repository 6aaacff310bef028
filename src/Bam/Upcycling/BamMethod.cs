using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>
/// Branch-Attend-Mix (arXiv 2408.08274): attention and feed-forward experts from every model. Sharing keys and values, and
/// routing attention to the top k, are variants of the paper.
/// </summary>
internal sealed class BamMethod : IMixtureMethod
{
    public string Name => "bam";

    public string Description => "attention and feed-forward experts from every model, the rest their mean";

    public OptionFault? FindFault(MixtureOptions options) =>
        OptionRules.SeveralModels(Name, options)
        ?? OptionRules.AttentionInitializations(options)
        ?? OptionRules.AttentionTopK(options)
        ?? OptionRules.FeedForwardExperts(options);

    public ModelConfig Configure(ModelConfig seed, MixtureOptions options) => options.WithFeedForwardExperts(seed) with
    {
        NumAttentionExperts = options.Models.Count,
        AttentionRouting = options.AttentionTopK is null ? AttentionRouting.Soft : AttentionRouting.TopK,
        NumAttentionExpertsPerTok = options.AttentionTopK,
        ShareKeyValue = options.ShareKeyValue,
    };

    public TensorRecipe Recipe(ParameterInfo parameter, MixtureOptions options)
    {
        var isAttention = parameter.Kind is ParameterKind.Query or ParameterKind.Key or ParameterKind.Value
            or ParameterKind.QueryNorm or ParameterKind.KeyNorm or ParameterKind.Output;
        var name = TensorRecipe.DenseName(parameter);
        return (isAttention ? options.AttentionInitialization : AttentionInitialization.Copy) switch
        {
            AttentionInitialization.Mean => new TensorRecipe.Mean(name),
            AttentionInitialization.WeightedMean when parameter.Expert >= 0 =>
                new TensorRecipe.WeightedMean(name, WeightsOf(parameter.Expert, options.Models.Count)),
            AttentionInitialization.Seed => new TensorRecipe.Copy(0, name),
            AttentionInitialization.Random when parameter.IsNorm => new TensorRecipe.Mean(name),
            AttentionInitialization.Random =>
                new TensorRecipe.Normal(parameter.IsBias ? 0 : TensorRecipe.StandardDeviationOfMatrices),
            _ => TensorRecipe.OfMixture(parameter, options.Models.Count),
        };
    }

    private static float[] WeightsOf(int expert, int models) =>
        [.. Enumerable.Range(0, models).Select(model => model == expert ? 0.5f : 0.5f / (models - 1))];
}
