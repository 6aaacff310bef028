using System.Globalization;
using System.Text.Json.Nodes;
using Bam.Experiments.Recipes;

namespace Bam.Experiments.Phases;

/// <summary>Finds the domains' shares of a mixture's training: by their size, or by how hard they still are.</summary>
/// <param name="name">The mixture.</param>
/// <param name="by">By what.</param>
/// <param name="domains">The domains.</param>
/// <param name="untrained">The untrained mixture's losses; null where they do not count.</param>
internal sealed class SharesPhase(string name, ShareBy by, IReadOnlyList<DataPhase> domains, EvaluatePhase? untrained)
    : Phase("shares", name, [.. domains, .. untrained is null ? Array.Empty<Phase>() : [untrained]])
{
    /// <summary>The shares by domain, summing to 1.</summary>
    public IReadOnlyDictionary<string, double> SharesIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.OutcomeOf(this).ReadByName<double>(domains.Select(domain => domain.Name));
    }

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var weights = domains.ToDictionary(domain => domain.Name, domain => WeightOf(domain, context.Store));
        var total = weights.Values.Sum();
        var shares = weights.Select(weight => (weight.Key, Share: weight.Value / total)).ToList();
        context.Reporter.Say($"  {string.Join(", ", shares.Select(share => string.Create(CultureInfo.InvariantCulture, $"{share.Key} {share.Share:0.0 %}")))}");
        return new JsonObject(shares.Select(share => KeyValuePair.Create(share.Key, (JsonNode?)share.Share)));
    }

    /// <inheritdoc/>
    protected override PhaseInputs Describe() => new()
    {
        Kind = Kind,
        Version = 1,
        Settings = new JsonObject { ["by"] = by.ToString() },
        Phases = Dependencies.ToDictionary(phase => phase == untrained ? "untrained" : phase.Title, phase => phase.Key),
    };

    private double WeightOf(DataPhase domain, PhaseStore store) =>
        untrained is null ? domain.TrainTokensIn(store) : untrained.ResultsIn(store)[domain.Name].Nll;
}
