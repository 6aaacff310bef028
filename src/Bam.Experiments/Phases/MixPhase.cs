using System.Text.Json.Nodes;
using Bam.Experiments.Recipes;
using Bam.Models;
using Bam.Torch;
using Bam.Upcycling;

namespace Bam.Experiments.Phases;

/// <summary>Makes a mixture of the seed and the experts, without training.</summary>
/// <param name="name">The mixture's name.</param>
/// <param name="mixture">Its section of the recipe.</param>
/// <param name="seed">The seed.</param>
/// <param name="experts">The experts, in the order of the mixture's; none for a sparse one.</param>
/// <param name="feedForwardExperts">M; null for one a model.</param>
/// <param name="routerSeed">Of the routers' random numbers.</param>
/// <param name="routerDomains">What routers are calibrated on; null for random ones.</param>
internal sealed class MixPhase(
    string name, RecipeMixture mixture, ModelPhase seed, IReadOnlyList<ModelPhase> experts, int? feedForwardExperts, long routerSeed, RouterDomains? routerDomains = null)
    : ModelPhase("mix", name, [seed, .. experts, .. routerDomains?.Data ?? []])
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
            RouterTexts = routerDomains is null ? null : new([.. routerDomains.Data.Select(domain => domain.ShardsIn(context.Store))], routerDomains.Tokens),
        };
        using var sources = MixtureSources.Open(options.Models, context.Reporter);
        var plan = MixturePlan.Create(Method, options, sources);
        if (options.RouterTexts is { } texts) plan = plan.WithRouters(Calibrate(plan, texts, context));
        Upcycler.Write(plan, sources, ModelIn(context.Store), context.Reporter, context.Cancellation);
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
            ["method"] = Method,
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
        if (routerDomains is not null)
        {
            settings["router_tokens"] = routerDomains.Tokens;
            for (var i = 0; i < routerDomains.Data.Count; i++) phases.Add($"router row {i + 1}, {routerDomains.Data[i].Name}", routerDomains.Data[i].Key);
        }

        return new() { Kind = Kind, Version = 1, Settings = settings, Phases = phases };
    }

    private IReadOnlyDictionary<string, float[]> Calibrate(MixturePlan plan, RouterTexts texts, PhaseContext context)
    {
        LibTorch.Load();
        return RouterCalibration.Run(
            plan.Options.Seed, plan.Config, texts.Inputs, texts.Tokens, Device.Parse(routerDomains!.Device), context.Reporter, cancellation: context.Cancellation);
    }
}
