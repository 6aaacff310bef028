using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Evaluation;
using Bam.Models;
using Bam.Torch;

namespace Bam.Experiments.Phases;

/// <summary>Measures a model on the held-out text of every domain ("evaluate"), or on every probe ("probe-evaluate").</summary>
internal sealed class EvaluatePhase(
    string name, EvaluateSettings settings, ModelPhase origin, IReadOnlyList<ShardsPhase> texts, string kind = "evaluate")
    : Phase(kind, name, settings, [.. texts.Select(PhaseNeed.Of), new("model", origin)])
{
    private EvaluateSettings Settings => (EvaluateSettings)SettingsRecord;

    /// <summary>The figures by text, of a finished phase.</summary>
    public IReadOnlyDictionary<string, PerplexityResult> ResultsIn(PhaseStore store) =>
        store.OutcomeOf(this).ReadByName<PerplexityResult>(Settings.Domains);

    /// <inheritdoc/>
    /// <exception cref="WorkFailedException">A perplexity is not finite.</exception>
    public override JsonObject Run(PhaseContext context)
    {
        LibTorch.Load();
        var checkpoint = All<ModelPhase>().Single().ModelIn(context.Store);
        using var model = ModelCheckpoint.Load(checkpoint, Device.Parse(Settings.Device), context.Reporter, withGradients: false);
        using var heldOut = HeldOutDomains.Open(All<ShardsPhase>().Select(text => text.ShardsIn(context.Store)));
        var options = new PerplexityOptions { WindowLength = Settings.SequenceLength, BatchSize = Settings.BatchSize };
        var measured = heldOut.Measure(model, options, Title, context.Reporter, context.Cancellation);
        foreach (var (text, result) in measured)
        {
            if (!double.IsFinite(result.Perplexity))
                throw new WorkFailedException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Title}: expected a finite perplexity on '{text}', found {result.Perplexity} (nll {result.Nll}); "
                    + $"the model has diverged: train it with a lower learning_rate or a longer warm-up"));
        }

        if (Kind == "evaluate")
        {
            // An expert usually has its domain's name.
            var text = heldOut.Texts.FirstOrDefault(text => text.Name == Name) ?? heldOut.Texts[0];
            WritingSample.Report(Name, checkpoint, model, text, context);
        }

        return new JsonObject(measured.Select(text => KeyValuePair.Create(text.Key, (JsonNode?)new JsonObject
        {
            ["perplexity"] = text.Value.Perplexity,
            ["total_nll"] = text.Value.TotalNll,
            ["tokens"] = text.Value.Tokens,
            ["bytes"] = text.Value.Bytes,
        })));
    }
}

/// <summary>The settings of an <see cref="EvaluatePhase"/>.</summary>
internal sealed record EvaluateSettings
{
    /// <summary>The length of a window, in tokens.</summary>
    public required int SequenceLength { get; init; }

    /// <summary>The names of the domains or probes.</summary>
    public required IReadOnlyList<string> Domains { get; init; }

    /// <summary>The windows of one batch; changes speed and memory, not the result.</summary>
    [JsonIgnore]
    public required int BatchSize { get; init; }

    /// <summary>"auto", "cpu" or "cuda:N"; not a change of the result.</summary>
    [JsonIgnore]
    public required string Device { get; init; }
}
