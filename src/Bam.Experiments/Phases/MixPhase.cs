using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Models;
using Bam.Torch;
using Bam.Upcycling;

namespace Bam.Experiments.Phases;

/// <summary>Makes a mixture of the seed and the experts, without training.</summary>
/// <param name="name">The mixture's name.</param>
/// <param name="settings">How it is made.</param>
/// <param name="seed">The seed.</param>
/// <param name="experts">The experts, in the order of the mixture's; none for a sparse one.</param>
/// <param name="routerDomains">Each model's domain, on which routers are calibrated; none for random routers.</param>
internal sealed class MixPhase(
    string name, MixSettings settings, ModelPhase seed, IReadOnlyList<ModelPhase> experts, IReadOnlyList<DataPhase> routerDomains)
    : ModelPhase(
        "mix",
        name,
        settings,
        [
            new("seed", seed),
            .. experts.Select((expert, i) => new PhaseNeed($"expert {i + 1}, {expert.Name}", expert)),
            .. routerDomains.Select((domain, i) => new PhaseNeed($"router row {i + 1}, {domain.Name}", domain)),
        ])
{
    private MixSettings Settings => (MixSettings)SettingsRecord;

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var models = All<ModelPhase>().Select(model => model.ModelIn(context.Store)).ToList();
        var options = new MixtureOptions
        {
            Seed = models[0],
            Experts = models[1..],
            ShareKeyValue = Settings.ShareKeyValue,
            AttentionTopK = Settings.AttentionTopK,
            AttentionInitialization = Settings.AttentionInit,
            FeedForwardExperts = Settings.Experts,
            TopK = Settings.Method == "soup" ? null : Settings.TopK,
            NormTopK = Settings.NormTopk,
            RouterSeed = Settings.RouterSeed,
            RouterTexts = Settings.RouterTokens is { } tokens
                ? new([.. All<DataPhase>().Select(domain => domain.ShardsIn(context.Store))], tokens)
                : null,
        };
        using var sources = MixtureSources.Open(options.Models, context.Reporter);
        var plan = MixturePlan.Create(Settings.Method, options, sources);
        if (options.RouterTexts is { } texts) plan = plan.WithRouters(Calibrate(plan, texts, context));
        Upcycler.Write(plan, sources, ModelIn(context.Store), context.Reporter, context.Cancellation);
        return [];
    }

    /// <inheritdoc/>
    protected internal override bool IsOutput(string file) =>
        file.StartsWith($"{FolderName}/", StringComparison.Ordinal) && MixtureFiles.IsName(file[(FolderName.Length + 1)..]);

    private IReadOnlyDictionary<string, float[]> Calibrate(MixturePlan plan, RouterTexts texts, PhaseContext context)
    {
        LibTorch.Load();
        return RouterCalibration.Run(
            plan.Options.Seed, plan.Config, texts.Inputs, texts.Tokens, Device.Parse(Settings.Device), context.Reporter, cancellation: context.Cancellation);
    }
}

/// <summary>The settings of a <see cref="MixPhase"/>.</summary>
internal sealed record MixSettings
{
    /// <summary>The method as a recipe names it.</summary>
    public required string Method { get; init; }

    public required bool ShareKeyValue { get; init; }

    /// <summary>M; null for one a model.</summary>
    public required int? Experts { get; init; }

    public required int TopK { get; init; }

    public required bool NormTopk { get; init; }

    public required int? AttentionTopK { get; init; }

    [JsonConverter(typeof(JsonStringEnumConverter))]
    public required AttentionInitialization AttentionInit { get; init; }

    /// <summary>The seed of the routers' random numbers.</summary>
    public required long RouterSeed { get; init; }

    /// <summary>The most tokens of each domain that routers are calibrated on; null for random routers.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required int? RouterTokens { get; init; }

    /// <summary>Where routers are calibrated: "auto", "cpu" or "cuda:N"; not a change of the result.</summary>
    [JsonIgnore]
    public required string Device { get; init; }
}
