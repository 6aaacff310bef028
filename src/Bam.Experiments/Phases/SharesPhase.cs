using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Experiments.Recipes;

namespace Bam.Experiments.Phases;

/// <summary>
/// Finds the domains' shares of a mixture's training: by their size, or by the untrained mixture's loss if that is given.
/// </summary>
internal sealed class SharesPhase(
    string name, SharesSettings settings, IReadOnlyList<DataPhase> domains, EvaluatePhase? untrained)
    : Phase(
        "shares",
        name,
        settings,
        [.. domains.Select(PhaseNeed.Of), .. untrained is null ? Array.Empty<PhaseNeed>() : [new("untrained", untrained)]])
{
    /// <summary>The shares by domain, summing to 1.</summary>
    public IReadOnlyDictionary<string, double> SharesIn(PhaseStore store) =>
        store.OutcomeOf(this).ReadByName<double>(All<DataPhase>().Select(domain => domain.Name));

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        var losses = All<EvaluatePhase>().SingleOrDefault()?.ResultsIn(context.Store);
        var weights = All<DataPhase>().ToDictionary(
            domain => domain.Name, domain => losses?[domain.Name].Nll ?? domain.TrainTokensIn(context.Store));
        var total = weights.Values.Sum();
        var shares = weights.ToDictionary(weight => weight.Key, weight => weight.Value / total);
        context.Reporter.Say($"  {string.Join(", ", shares.Select(Text))}");
        return new JsonObject(shares.Select(share => KeyValuePair.Create(share.Key, (JsonNode?)share.Value)));
    }

    private static string Text(KeyValuePair<string, double> share) =>
        string.Create(CultureInfo.InvariantCulture, $"{share.Key} {share.Value:0.0 %}");
}

/// <summary>The settings of a <see cref="SharesPhase"/>.</summary>
internal sealed record SharesSettings
{
    [JsonConverter(typeof(JsonStringEnumConverter))]
    public required ShareBy By { get; init; }
}
