using Bam.Training.Metrics;

namespace Bam.Experiments.Findings;

/// <summary>
/// A training in a few hundred numbers: what tables and figures over several runs need of its <c>metrics.jsonl</c>.
/// </summary>
/// <param name="Loss">The training loss, at most <see cref="MostLossPoints"/> points, each the mean over its part of the
/// training.</param>
/// <param name="HeldOut">The perplexities on held-out text that were measured while training.</param>
/// <param name="Routing">How tokens were routed, at most <see cref="MostRoutingPoints"/> moments; empty for dense models.</param>
internal sealed record TrainingHistory(
    IReadOnlyList<LossMoment> Loss, IReadOnlyList<HeldOutMoment> HeldOut, IReadOnlyList<RoutingMoment> Routing)
{
    /// <summary>The most points of a loss curve.</summary>
    public const int MostLossPoints = 40;

    /// <summary>The most moments at which the routing is kept.</summary>
    public const int MostRoutingPoints = 8;

    private const int Decimals = 4;

    /// <summary>Condenses the metrics of a training.</summary>
    public static TrainingHistory Of(MetricsLog log)
    {
        // The last step is always logged, whatever is evaluated before and between.
        var tokensPerStep = log.Steps is [.., var last] ? last.Tokens / last.Step : 0;
        return new(
            [.. Parts(log.Steps, MostLossPoints).Select(MeanLoss)],
            [.. log.Evaluations.Select(evaluation => new HeldOutMoment(
                evaluation.Step * tokensPerStep,
                evaluation.Evaluation.ToDictionary(domain => domain.Key, domain => Rounded(domain.Value.Perplexity))))],
            [.. Parts([.. log.Steps.Where(step => step.Layers is { Count: > 0 })], MostRoutingPoints)
                .Select(part => new RoutingMoment(part[^1].Tokens, MeanOf([.. part.Select(step => step.Layers!)])))]);
    }

    private static IEnumerable<IReadOnlyList<StepMetrics>> Parts(IReadOnlyList<StepMetrics> steps, int most)
    {
        var count = Math.Min(most, steps.Count);
        for (var part = 0; part < count; part++)
            yield return [.. steps.Take((part + 1) * steps.Count / count).Skip(part * steps.Count / count)];
    }

    private static LossMoment MeanLoss(IReadOnlyList<StepMetrics> part) =>
        new(part[^1].Tokens, Rounded(part[^1].CoreSeconds), Rounded(part.Average(step => step.Nll)));

    private static IReadOnlyList<LayerMetrics> MeanOf(IReadOnlyList<IReadOnlyList<LayerMetrics>> steps) =>
        [.. Enumerable.Range(0, steps[0].Count).Select(layer => MeanOf([.. steps.Select(layers => layers[layer])]))];

    private static LayerMetrics MeanOf(IReadOnlyList<LayerMetrics> moments)
    {
        var domains = moments.SelectMany(moment => moment.ByDomain?.Keys ?? []).Distinct();
        return new()
        {
            ExpertLoad = MeanOf(moments.Select(moment => moment.ExpertLoad)),
            AttentionGate = MeanOf(moments.Select(moment => moment.AttentionGate)),
            GateEntropy = moments[0].GateEntropy is null ? null : Rounded(moments.Average(moment => moment.GateEntropy!.Value)),
            RouterEntropy = moments[0].RouterEntropy is null
                ? null
                : Rounded(moments.Average(moment => moment.RouterEntropy!.Value)),
            ByDomain = domains.ToDictionary(domain => domain, domain => new DomainRouting
            {
                ExpertLoad = MeanOf(moments.Select(moment => moment.ByDomain?.GetValueOrDefault(domain)?.ExpertLoad)),
                AttentionGate = MeanOf(moments.Select(moment => moment.ByDomain?.GetValueOrDefault(domain)?.AttentionGate)),
            }),
        };
    }

    // A moment at which no token of the domain came by does not count.
    private static IReadOnlyList<double>? MeanOf(IEnumerable<IReadOnlyList<double>?> moments)
    {
        var there = moments.OfType<IReadOnlyList<double>>().ToList();
        return there.Count == 0
            ? null
            : [.. Enumerable.Range(0, there[0].Count).Select(expert => Rounded(there.Average(values => values[expert])))];
    }

    private static double Rounded(double value) => Math.Round(value, Decimals);
}

/// <summary>The training loss over a part of the training.</summary>
/// <param name="Tokens">The tokens trained on at its end.</param>
/// <param name="CoreSeconds">The core-seconds spent at its end.</param>
/// <param name="Nll">The mean negative log-likelihood of the next token, in nats.</param>
internal sealed record LossMoment(long Tokens, double CoreSeconds, double Nll);

/// <summary>Perplexities in the middle of a training.</summary>
/// <param name="Tokens">The tokens trained on.</param>
/// <param name="Perplexity">By domain.</param>
internal sealed record HeldOutMoment(long Tokens, IReadOnlyDictionary<string, double> Perplexity);

/// <summary>The routing, averaged over a part of the training.</summary>
/// <param name="Tokens">The tokens trained on at its end.</param>
/// <param name="Layers">One entry for each block.</param>
internal sealed record RoutingMoment(long Tokens, IReadOnlyList<LayerMetrics> Layers);
