using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Evaluation;
using Bam.Experiments.Recipes;
using Bam.Files;
using Bam.Models;
using Bam.Torch;
using Bam.Training;

namespace Bam.Experiments.Phases;

/// <summary>Measures how long models take for a text, at their own sizes or at a preset's with random weights.</summary>
/// <param name="models">The phases that make the models, by the models' names.</param>
/// <param name="latency">How it is measured.</param>
/// <param name="preset">The preset; null for the models themselves.</param>
/// <param name="device">Where to compute: "auto", "cpu", "cuda:0".</param>
internal sealed class LatencyPhase(IReadOnlyDictionary<string, ModelPhase> models, RecipeLatency latency, string? preset, string device)
    : Phase("latency", preset ?? "latency", [.. models.Values.Distinct()])
{
    private static readonly JsonSerializerOptions AsSerialized = new(JsonRecord.Options) { PropertyNamingPolicy = null };

    /// <summary>The preset's name, or "own" for the models' own sizes.</summary>
    public string Sizes => preset ?? "own";

    /// <summary>The figures by model, of a finished phase.</summary>
    public IReadOnlyDictionary<string, LatencyResult> ResultsIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.OutcomeOf(this).Read<Dictionary<string, LatencyResult>>(AsSerialized);
    }

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        LibTorch.Load();
        var loaded = new List<LanguageModel>();
        try
        {
            foreach (var model in models.Values) loaded.Add(Load(model.ModelIn(context.Store), context.Reporter));
            var options = new LatencyOptions { PromptTokens = latency.PromptTokens, NewTokens = latency.NewTokens, Runs = latency.Runs };
            var measured = Latency.Measure(loaded, options, context.Reporter, context.Cancellation);
            return new JsonObject(models.Keys.Zip(measured, (name, result) => KeyValuePair.Create(name, JsonSerializer.SerializeToNode(result))));
        }
        finally
        {
            foreach (var model in loaded) model.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override PhaseInputs Describe()
    {
        var settings = new JsonObject
        {
            ["prompt_tokens"] = latency.PromptTokens,
            ["new_tokens"] = latency.NewTokens,
            ["runs"] = latency.Runs,
            ["preset"] = preset,
        };
        if (device != TrainingSettings.DefaultDevice) settings["device"] = device;
        return new() { Kind = Kind, Version = 1, Settings = settings, Phases = models.ToDictionary(model => model.Key, model => model.Value.Key) };
    }

    private LanguageModel Load(string checkpoint, IReporter reporter)
    {
        var place = Device.Parse(device);
        if (preset is null) return ModelCheckpoint.Load(checkpoint, place, reporter, withGradients: false);
        var model = new LanguageModel(AtPresetSize(ModelConfigReader.Load(checkpoint, reporter)), place, withGradients: false);
        ModelInitializer.Initialize(model, seed: 0);
        return model;
    }

    private ModelConfig AtPresetSize(ModelConfig mixture) => ModelPresets.Named(preset!, "latency") with
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
