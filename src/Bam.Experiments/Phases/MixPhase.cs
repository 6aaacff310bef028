using System.Text.Json.Nodes;
using Bam.Experiments.Recipes;
using Bam.Upcycling;

namespace Bam.Experiments.Phases;

/// <summary>
/// Makes a mixture of the seed and the experts (none for a sparse one), without training, with
/// <paramref name="feedForwardExperts"/> (null for one a model), and routers that are calibrated on
/// <paramref name="routerDomains"/> (null for random ones).
/// </summary>
internal sealed class MixPhase(
    string name, RecipeMixture mixture, ModelPhase seed, IReadOnlyList<ModelPhase> experts, int? feedForwardExperts,
    long routerSeed,
    RouterDomains? routerDomains = null)
    : ModelPhase("mix", name, [seed, .. experts, .. routerDomains?.Data ?? []])
{
    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        var store = context.Store;
        var options = mixture.OptionsFor(seed.ModelIn(store), [.. experts.Select(expert => expert.ModelIn(store))]) with
        {
            FeedForwardExperts = feedForwardExperts,
            RouterSeed = routerSeed,
            RouterTexts = routerDomains is null ? null
                : new([.. routerDomains.Data.Select(domain => domain.ShardsIn(store))], routerDomains.Tokens)
                {
                    Device = routerDomains.Device,
                },
        };
        Upcycler.Mix(mixture.MixedBy, options, ModelIn(store), context.Reporter, context.Cancellation);
        return [];
    }

    /// <inheritdoc/>
    protected internal override bool IsOutput(string file) =>
        file.StartsWith($"{FolderName}/", StringComparison.Ordinal) && MixtureFiles.IsName(file[(FolderName.Length + 1)..]);

    /// <inheritdoc/>
    protected override PhaseInputs Describe()
    {
        var settings = new JsonObject
        {
            ["method"] = mixture.MethodName,
            ["share_key_value"] = mixture.ShareKeyValue,
            ["experts"] = feedForwardExperts,
            ["top_k"] = mixture.TopK,
            ["norm_topk"] = mixture.NormTopk,
            ["attention_top_k"] = mixture.AttentionTopK,
            ["attention_init"] = mixture.AttentionInit.ToString(),
            ["router_seed"] = routerSeed,
        };
        var phases = new Dictionary<string, string> { ["seed"] = seed.Key };
        for (var i = 0; i < experts.Count; i++) phases.Add($"expert {i + 1}, {experts[i].Name}", experts[i].Key);
        if (routerDomains is { Data: var domains })
        {
            settings["router_tokens"] = routerDomains.Tokens;
            for (var i = 0; i < domains.Count; i++) phases.Add($"router row {i + 1}, {domains[i].Name}", domains[i].Key);
        }

        return new() { Kind = Kind, Version = 1, Settings = settings, Phases = phases };
    }
}
