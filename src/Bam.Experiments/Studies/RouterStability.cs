using Bam.Experiments.Findings;
using Bam.Training.Metrics;

namespace Bam.Experiments.Studies;

/// <summary>How the routers' state correlates with perplexity, over training and across mixtures.</summary>
internal static class RouterStability
{
    private const int FewestMoments = 3;

    /// <summary>The correlations that a study allows; none without perplexities that were measured during training.</summary>
    public static IReadOnlyList<RouterCorrelation> Of(Study study)
    {
        ArgumentNullException.ThrowIfNull(study);
        var mixtures = study.Models
            .Where(model => model.History is { HeldOut.Count: >= FewestMoments, Routing.Count: > 0 })
            .Select(model => model.Name)
            .ToList();
        if (mixtures.Count == 0) return [];
        return
        [
            .. from mixture in mixtures
               from figure in RouterFigure.All
               let row = OverTraining(study, mixture, figure)
               where row.Levels.Count > 0
               select row,
            .. from figure in RouterFigure.All
               let row = AtTheEnd(study, mixtures, figure)
               where row.Levels.Count > 1
               select row,
        ];
    }

    private static RouterCorrelation OverTraining(Study study, string mixture, RouterFigure figure)
    {
        var runs = study.Units.Select(unit => Moments(unit, mixture, figure)).ToList();
        return new(
            mixture,
            figure,
            Correlation.Of(runs.SelectMany(run => run)),
            Correlation.Of(runs.SelectMany(Steps)));

        static IEnumerable<(double X, double Y)> Steps(List<(double X, double Y)> run) =>
            run.Zip(run.Skip(1), (before, after) => (after.X - before.X, after.Y - before.Y));
    }

    // A mixture's units are no independent points here: they differ in the seed number only. So each mixture is one point.
    private static RouterCorrelation AtTheEnd(Study study, IReadOnlyList<string> mixtures, RouterFigure figure) => new(
        null,
        figure,
        Correlation.Of(mixtures.Select(mixture => (
            new Sample([.. study.Units.Select(unit => AtTheEnd(unit, mixture, figure))]).Mean,
            study.Of(mixture, model => model.MeanPerplexity).Mean))),
        null);

    private static double AtTheEnd(Results unit, string mixture, RouterFigure figure)
    {
        var model = Model(unit, mixture);
        return model.History is { Routing: [.., var last] } ? figure.Value(last.Layers, ExpertDomains(unit, model)) : double.NaN;
    }

    /// <summary>The routers' figure over each part of the training, and the mean perplexity measured last within it.</summary>
    private static List<(double X, double Y)> Moments(Results unit, string mixture, RouterFigure figure)
    {
        var model = Model(unit, mixture);
        if (model.History is not { } history) return [];
        var (domains, moments, begin) = (ExpertDomains(unit, model), new List<(double, double)>(), 0L);
        foreach (var routing in history.Routing)
        {
            var measured = history.HeldOut.LastOrDefault(moment => moment.Tokens > begin && moment.Tokens <= routing.Tokens);
            if (measured is not null && figure.Value(routing.Layers, domains) is var value && double.IsFinite(value))
                moments.Add((value, measured.Perplexity.Values.Average()));
            begin = routing.Tokens;
        }

        return moments;
    }

    private static ModelResult Model(Results unit, string name) => unit.Models.First(model => model.Name == name);

    private static IReadOnlyList<string?> ExpertDomains(Results unit, ModelResult mixture) =>
        [.. (mixture.Experts ?? []).Select(expert => unit.Models.FirstOrDefault(model => model.Name == expert)?.Domain)];
}

/// <summary>
/// One number for the state of a mixture's routers at a moment, the mean over its layers, from the layers and the domain that
/// each expert was trained on; NaN if the mixture has no such router.
/// </summary>
internal sealed record RouterFigure(string Name, Func<IReadOnlyList<LayerMetrics>, IReadOnlyList<string?>, double> Value)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<RouterFigure> All { get; } =
    [
        new("expert load, largest ÷ even", LargestLoad),
        new("router entropy", (layers, _) => Mean(layers.Select(layer => layer.RouterEntropy).OfType<double>())),
        new("gate entropy", (layers, _) => Mean(layers.Select(layer => layer.GateEntropy).OfType<double>())),
        new("gate of the own domain’s expert", OwnGate),
    ];

    private static double LargestLoad(IReadOnlyList<LayerMetrics> layers, IReadOnlyList<string?> domains) => Mean(
        layers.Select(layer => layer.ExpertLoad).OfType<IReadOnlyList<double>>().Select(load => load.Max() * load.Count));

    private static double OwnGate(IReadOnlyList<LayerMetrics> layers, IReadOnlyList<string?> domains) => Mean(
        from layer in layers
        from gates in layer.ByDomain ?? new Dictionary<string, DomainRouting>()
        where gates.Value.AttentionGate is not null
        from expert in domains.Index()
        where expert.Item == gates.Key && expert.Index < gates.Value.AttentionGate!.Count
        select gates.Value.AttentionGate![expert.Index]);

    private static double Mean(IEnumerable<double> values) => values.DefaultIfEmpty(double.NaN).Average();
}

/// <summary>
/// How a figure of the routers correlates with the mean perplexity on held-out text: over the training of one mixture, or across
/// mixtures at the end of training, where the model is null. Levels are of the values themselves, which follow the training
/// progress; steps are of their changes from one moment to the next, without that trend, and null across mixtures.
/// </summary>
internal sealed record RouterCorrelation(string? Model, RouterFigure Figure, Correlation Levels, Correlation? Steps);

/// <summary>
/// Pearson's correlation of pairs of figures, NaN of fewer than three pairs or when one figure does not vary, with its 95 %
/// interval by Fisher's z, NaN of fewer than four pairs.
/// </summary>
internal sealed record Correlation(int Count, double Coefficient, double Low, double High)
{
    private const int FewestPairs = 3;

    // Figures are kept to four decimals: what varies less than that is rounding.
    private const double LeastVariance = 1e-12;

    /// <summary>Correlates the pairs of which both values are finite.</summary>
    public static Correlation Of(IEnumerable<(double X, double Y)> pairs)
    {
        var finite = pairs.Where(pair => double.IsFinite(pair.X) && double.IsFinite(pair.Y)).ToList();
        var r = finite.Count < FewestPairs ? double.NaN : Pearson(finite);
        if (finite.Count <= FewestPairs || double.IsNaN(r)) return new(finite.Count, r, double.NaN, double.NaN);
        // arctanh r is about normal, with the variance 1 / (n - 3) (Fisher 1915).
        var (z, reach) = (Math.Atanh(r), StudentT.Normal975 / Math.Sqrt(finite.Count - FewestPairs));
        return new(finite.Count, r, Math.Tanh(z - reach), Math.Tanh(z + reach));
    }

    private static double Pearson(List<(double X, double Y)> pairs)
    {
        var (meanX, meanY) = (pairs.Average(pair => pair.X), pairs.Average(pair => pair.Y));
        var xx = pairs.Average(pair => (pair.X - meanX) * (pair.X - meanX));
        var yy = pairs.Average(pair => (pair.Y - meanY) * (pair.Y - meanY));
        if (xx < LeastVariance || yy < LeastVariance) return double.NaN;
        return Math.Clamp(pairs.Average(pair => (pair.X - meanX) * (pair.Y - meanY)) / Math.Sqrt(xx * yy), -1, 1);
    }
}
