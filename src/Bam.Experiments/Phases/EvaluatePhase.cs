using System.Globalization;
using System.Text.Json.Nodes;
using Bam.Evaluation;
using Bam.Models;
using Bam.Torch;

namespace Bam.Experiments.Phases;

/// <summary>Measures a model on the held-out text of every domain, or on every probe.</summary>
/// <param name="origin">The phase that makes the model.</param>
/// <param name="name">The model's name.</param>
/// <param name="texts">The domains, or the probes.</param>
/// <param name="options">Windows and batches.</param>
/// <param name="device">Where to compute: "auto", "cpu", "cuda:0".</param>
/// <param name="kind">What is done: "evaluate" for domains, "probe-evaluate" for probes.</param>
internal sealed class EvaluatePhase(
    string name, ModelPhase origin, IReadOnlyList<ShardsPhase> texts, PerplexityOptions options, string device, string kind = "evaluate")
    : Phase(kind, name, [.. texts, origin])
{
    /// <summary>The figures by text, of a finished phase.</summary>
    public IReadOnlyDictionary<string, PerplexityResult> ResultsIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.OutcomeOf(this).ReadByName<PerplexityResult>(texts.Select(text => text.Name));
    }

    /// <inheritdoc/>
    /// <exception cref="WorkFailedException">A perplexity is not finite.</exception>
    public override JsonObject Run(PhaseContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        LibTorch.Load();
        using var model = ModelCheckpoint.Load(origin.ModelIn(context.Store), Device.Parse(device), context.Reporter, withGradients: false);
        using var heldOut = HeldOutDomains.Open(texts.Select(text => text.ShardsIn(context.Store)));
        var measured = heldOut.Measure(model, options, Title, context.Reporter, context.Cancellation);
        foreach (var (text, result) in measured)
        {
            if (!double.IsFinite(result.Perplexity))
                throw new WorkFailedException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Title}: expected a finite perplexity on '{text}', found {result.Perplexity} (nll {result.Nll}); the model has diverged: train it with a lower learning_rate or a longer warm-up"));
        }

        return new JsonObject(measured.Select(text => KeyValuePair.Create(text.Key, (JsonNode?)new JsonObject
        {
            ["perplexity"] = text.Value.Perplexity,
            ["total_nll"] = text.Value.TotalNll,
            ["tokens"] = text.Value.Tokens,
            ["bytes"] = text.Value.Bytes,
        })));
    }

    /// <inheritdoc/>
    protected override PhaseInputs Describe() => new()
    {
        Kind = Kind,
        Version = 1,
        Settings = new JsonObject { ["sequence_length"] = options.WindowLength, ["domains"] = new JsonArray([.. texts.Select(text => JsonValue.Create(text.Name))]) },
        Phases = Dependencies.ToDictionary(phase => phase == origin ? "model" : phase.Title, phase => phase.Key),
    };
}
