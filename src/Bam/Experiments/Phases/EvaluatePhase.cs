using System.Text.Json.Nodes;
using Bam.Evaluation;
using Bam.Models;
using Bam.Torch;

namespace Bam.Experiments.Phases;

/// <summary>Measures a model on the held-out text of every domain.</summary>
/// <param name="origin">The phase that makes the model.</param>
/// <param name="name">The model's name.</param>
/// <param name="domains">The domains.</param>
/// <param name="options">Windows and batches.</param>
/// <param name="device">Where to compute: "auto", "cpu", "cuda:0".</param>
public sealed class EvaluatePhase(string name, ModelPhase origin, IReadOnlyList<DataPhase> domains, PerplexityOptions options, string device)
    : Phase("evaluate", name, [.. domains, origin])
{
    /// <summary>The figures by domain, of a finished phase.</summary>
    public IReadOnlyDictionary<string, PerplexityResult> ResultsIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        var result = store.OutcomeOf(this).Result;
        return domains.ToDictionary(
            domain => domain.Name,
            domain => new PerplexityResult((double)result[domain.Name]!["total_nll"]!, (long)result[domain.Name]!["tokens"]!, (long)result[domain.Name]!["bytes"]!));
    }

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        LibTorch.Load();
        using var model = ModelCheckpoint.Load(origin.ModelIn(context.Store), Device.Parse(device));
        using var heldOut = HeldOutDomains.Open(domains.Select(domain => domain.ShardsIn(context.Store)));
        var measured = heldOut.Measure(model, options, Title, context.Reporter, context.Cancellation);
        return new JsonObject(measured.Select(domain => KeyValuePair.Create(domain.Key, (JsonNode?)new JsonObject
        {
            ["perplexity"] = domain.Value.Perplexity,
            ["total_nll"] = domain.Value.TotalNll,
            ["tokens"] = domain.Value.Tokens,
            ["bytes"] = domain.Value.Bytes,
        })));
    }

    /// <inheritdoc/>
    protected override PhaseInputs Describe() => new()
    {
        Kind = Kind,
        Version = 1,
        Settings = new JsonObject { ["sequence_length"] = options.WindowLength, ["domains"] = new JsonArray([.. domains.Select(domain => JsonValue.Create(domain.Name))]) },
        Phases = Dependencies.ToDictionary(phase => phase == origin ? "model" : phase.Title, phase => phase.Key),
    };
}
