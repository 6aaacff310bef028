using System.Text.Json.Nodes;
using Bam.Experiments.Recipes;
using Bam.Upcycling;

namespace Bam.Experiments.Phases;

/// <summary>Makes a mixture of the seed and the experts, without training.</summary>
/// <param name="name">The mixture's name.</param>
/// <param name="mixture">Its section of the recipe.</param>
/// <param name="seed">The seed.</param>
/// <param name="experts">The experts, in the order of the mixture's; none for a sparse one.</param>
/// <param name="feedForwardExperts">M; null for one a model.</param>
/// <param name="routerSeed">Of the routers' random numbers.</param>
public sealed class MixPhase(string name, RecipeMixture mixture, ModelPhase seed, IReadOnlyList<ModelPhase> experts, int? feedForwardExperts, long routerSeed)
    : ModelPhase("mix", name, [seed, .. experts])
{
    private string Method => mixture.Method.ToString().ToLowerInvariant();

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = new MixtureOptions
        {
            Seed = seed.ModelIn(context.Store),
            Experts = [.. experts.Select(expert => expert.ModelIn(context.Store))],
            ShareKeyValue = mixture.ShareKeyValue,
            AttentionTopK = mixture.AttentionTopK,
            AttentionInitialization = mixture.AttentionInit,
            FeedForwardExperts = feedForwardExperts,
            TopK = mixture.Method == MixtureMethod.Soup ? null : mixture.TopK,
            NormTopK = mixture.NormTopk,
            RouterSeed = routerSeed,
        };
        Upcycler.Mix(Method, options, ModelIn(context.Store), context.Reporter, context.Cancellation);
        return [];
    }

    /// <inheritdoc/>
    protected override PhaseInputs Describe() => new()
    {
        Kind = Kind,
        Version = 1,
        Settings = new JsonObject
        {
            ["method"] = Method,
            ["share_key_value"] = mixture.ShareKeyValue,
            ["experts"] = feedForwardExperts,
            ["top_k"] = mixture.TopK,
            ["norm_topk"] = mixture.NormTopk,
            ["attention_top_k"] = mixture.AttentionTopK,
            ["attention_init"] = mixture.AttentionInit.ToString(),
            ["router_seed"] = routerSeed,
        },
        Phases = new Dictionary<string, string>(
            experts.Select((expert, i) => KeyValuePair.Create($"expert {i + 1}, {expert.Name}", expert.Key)).Prepend(new("seed", seed.Key))),
    };
}
