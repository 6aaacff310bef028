using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Evaluation;
using Bam.Files;
using Bam.Models;
using Bam.Torch;
using Bam.Training;

namespace Bam.Experiments.Phases;

/// <summary>
/// Measures how long models take for a text, at their own sizes or at a preset's with random weights. Keys are the models' names.
/// </summary>
internal sealed class LatencyPhase(IReadOnlyDictionary<string, ModelPhase> models, LatencySettings settings)
    : Phase(
        "latency",
        settings.Preset ?? "latency",
        settings,
        [.. models.Select(model => new PhaseNeed(model.Key, model.Value))])
{
    private static readonly JsonSerializerOptions AsSerialized = new(JsonRecord.Options) { PropertyNamingPolicy = null };

    private LatencySettings Settings => (LatencySettings)SettingsRecord;

    /// <summary>The preset's name, or "own" for the models' own sizes.</summary>
    public string Sizes => Settings.Preset ?? "own";

    /// <inheritdoc/>
    public override bool IsTimed => true;

    /// <summary>The figures by model, of a finished phase.</summary>
    public IReadOnlyDictionary<string, LatencyResult> ResultsIn(PhaseStore store) =>
        store.OutcomeOf(this).Read<Dictionary<string, LatencyResult>>(AsSerialized);

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        LibTorch.Load();
        var loaded = new List<LanguageModel>();
        try
        {
            foreach (var need in Needs) loaded.Add(Load(((ModelPhase)need.Phase).ModelIn(context.Store), context.Reporter));
            var options = new LatencyOptions
            {
                PromptTokens = Settings.PromptTokens,
                NewTokens = Settings.NewTokens,
                Runs = Settings.Runs,
            };
            var measured = Latency.Measure(loaded, options, context.Reporter, context.Cancellation);
            return new JsonObject(Needs.Zip(
                measured, (need, result) => KeyValuePair.Create(need.Role, JsonSerializer.SerializeToNode(result))));
        }
        finally
        {
            foreach (var model in loaded) model.Dispose();
        }
    }

    private LanguageModel Load(string checkpoint, IReporter reporter)
    {
        var place = Device.Parse(Settings.Device ?? TrainingSettings.DefaultDevice);
        if (Settings.Preset is not { } preset) return ModelCheckpoint.Load(checkpoint, place, reporter, withGradients: false);
        var config = AtPresetSize(preset, ModelConfigReader.Load(checkpoint, reporter));
        var model = new LanguageModel(config, place, withGradients: false);
        ModelInitializer.Initialize(model, seed: 0);
        return model;
    }

    private static ModelConfig AtPresetSize(string preset, ModelConfig mixture) => ModelPresets.Named(preset, "latency") with
    {
        NumLocalExperts = mixture.NumLocalExperts,
        NumExpertsPerTok = mixture.NumExpertsPerTok,
        NormTopkProb = mixture.NormTopkProb,
        NumAttentionExperts = mixture.NumAttentionExperts,
        AttentionRouting = mixture.AttentionRouting,
        NumAttentionExpertsPerTok = mixture.NumAttentionExpertsPerTok,
        ShareKeyValue = mixture.ShareKeyValue,
    };
}

/// <summary>The settings of a <see cref="LatencyPhase"/>.</summary>
internal sealed record LatencySettings
{
    public required int PromptTokens { get; init; }

    public required int NewTokens { get; init; }

    /// <summary>The runs of each model.</summary>
    public required int Runs { get; init; }

    /// <summary>The preset; null for the models themselves.</summary>
    public required string? Preset { get; init; }

    /// <summary>"cpu" or "cuda:N"; null for <see cref="TrainingSettings.DefaultDevice"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required string? Device { get; init; }
}
