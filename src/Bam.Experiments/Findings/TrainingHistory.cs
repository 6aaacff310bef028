using Bam.Training.Metrics;

namespace Bam.Experiments.Findings;

/// <summary>
/// A training in a few hundred numbers, for tables and figures over several runs: the loss in at most
/// <see cref="MostLossPoints"/> points, each the mean over its part of the training, the perplexities measured during training,
/// and the routing in at most <see cref="MostRoutingPoints"/> points, empty for dense models.
/// </summary>
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

/// <summary>
/// The mean negative log-likelihood of the next token, in nats, over a part of the training, with the tokens and the core-seconds
/// at its end.
/// </summary>
internal sealed record LossMoment(long Tokens, double CoreSeconds, double Nll);

/// <summary>Perplexities by domain after that many training tokens.</summary>
internal sealed record HeldOutMoment(long Tokens, IReadOnlyDictionary<string, double> Perplexity);

/// <summary>The routing by block, averaged over a part of the training, with the training tokens at its end.</summary>
internal sealed record RoutingMoment(long Tokens, IReadOnlyList<LayerMetrics> Layers);
