using System.Text.Json.Nodes;
using Bam.Experiments.Recipes;
using Bam.Training;

namespace Bam.Experiments.Phases;

/// <summary>One of two mixtures whose budgets are to be equal.</summary>
/// <param name="Start">The model before training: a mixture, or the seed.</param>
/// <param name="Name">The mixture's name.</param>
/// <param name="Settings">How it is trained.</param>
/// <param name="Domains">On what.</param>
internal sealed record BudgetSide(ModelPhase Start, string Name, TrainingSettings Settings, IReadOnlyList<DomainShare> Domains)
{
    private static readonly string[] CostKeys =
        ["sequence_length", "batch_size", "gradient_accumulation", "freeze", "train_only", "dtype"];

    /// <summary>The settings on which the cost of a token depends; a learning rate, say, is none of them.</summary>
    /// <param name="by">In which measure: core-seconds depend on a device that the recipe names, too.</param>
    internal JsonObject CostSettings(MatchBy by)
    {
        var all = SettingsJson.Of(Settings);
        var settings = new JsonObject(CostKeys.Select(key => KeyValuePair.Create(key, all[key]?.DeepClone())));
        if (by == MatchBy.CoreSeconds && Settings.Device != TrainingSettings.DefaultDevice) settings["device"] = Settings.Device;
        return settings;
    }

    /// <summary>The training of a few steps that shows what a token costs.</summary>
    internal TrainingConfig Trial(PhaseStore store) => new()
    {
        Model = Start.ModelIn(store),
        Data = [.. Domains.Select(domain => new TrainingDomain { Domain = domain.Data.Name, Path = domain.Data.ShardsIn(store), Weight = domain.Weight })],
        Output = "",
        Settings = Settings with { Tokens = null, Steps = 1_000_000 },
    };
}
