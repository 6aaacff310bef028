using System.Text.Json.Nodes;
using Bam.Experiments.Recipes;
using Bam.Upcycling;

namespace Bam.Experiments.Phases;

/// <summary>
/// Makes a mixture of the seed and the experts (none for a sparse one), without training. <paramref name="routerDomains"/> are
/// each model's domain, on which routers are calibrated; none for random routers.
/// </summary>
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
        var options = Settings.OptionsFor(
            [.. All<ModelPhase>().Select(model => model.ModelIn(context.Store))],
            [.. All<DataPhase>().Select(domain => domain.ShardsIn(context.Store))]);
        Upcycler.Mix(Settings.Method, options, ModelIn(context.Store), context.Reporter, context.Cancellation);
        return [];
    }

    /// <inheritdoc/>
    protected internal override bool IsOutput(string file) =>
        file.StartsWith($"{FolderName}/", StringComparison.Ordinal) && MixtureFiles.IsName(file[(FolderName.Length + 1)..]);
}
