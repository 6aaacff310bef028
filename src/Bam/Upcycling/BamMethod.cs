using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>
/// Branch-Attend-Mix (arXiv 2408.08274): attention and feed-forward experts from every model. Sharing keys and values, or
/// routing attention to the top k, are the paper's variants.
/// </summary>
internal sealed class BamMethod : IMixtureMethod
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

    /// <inheritdoc/>
    public TensorRecipe Recipe(ParameterInfo parameter, MixtureOptions options)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        ArgumentNullException.ThrowIfNull(options);
        var isAttention = parameter.Kind is ParameterKind.Query or ParameterKind.Key or ParameterKind.Value
            or ParameterKind.QueryNorm or ParameterKind.KeyNorm or ParameterKind.Output;
        var name = TensorRecipe.DenseName(parameter);
        return (isAttention ? options.AttentionInitialization : AttentionInitialization.Copy) switch
        {
            AttentionInitialization.Mean => new TensorRecipe.Mean(name),
            AttentionInitialization.WeightedMean when parameter.Expert >= 0 => new TensorRecipe.WeightedMean(name, WeightsOf(parameter.Expert, options.Models.Count)),
            AttentionInitialization.Seed => new TensorRecipe.Copy(0, name),
            AttentionInitialization.Random when parameter.IsNorm => new TensorRecipe.Mean(name),
            AttentionInitialization.Random => new TensorRecipe.Normal(parameter.IsBias ? 0 : TensorRecipe.StandardDeviationOfMatrices),
            _ => TensorRecipe.OfMixture(parameter, options.Models.Count),
        };
    }

    private static float[] WeightsOf(int expert, int models) =>
        [.. Enumerable.Range(0, models).Select(model => model == expert ? 0.5f : 0.5f / (models - 1))];
}
