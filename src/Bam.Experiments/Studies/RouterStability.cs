using Bam.Experiments.Findings;

namespace Bam.Experiments.Studies;

/// <summary>How the routers' state moves with perplexity, over training and across mixtures.</summary>
internal static class RouterStability
{
    private const int FewestMoments = 3;

    /// <summary>The correlations that a study allows; none without perplexities that were measured during training.</summary>
    public static IReadOnlyList<RouterCorrelation> Of(Study study)
    {
        ArgumentNullException.ThrowIfNull(study);
        var mixtures = study.Models.Where(model => model.History is { HeldOut.Count: >= FewestMoments, Routing.Count: > 0 }).Select(model => model.Name).ToList();
        if (mixtures.Count == 0) return [];
        return
        [
            .. from mixture in mixtures from figure in RouterFigure.All select OverTraining(study, mixture, figure) into row where row.Levels.Count > 0 select row,
            .. from figure in RouterFigure.All select AtTheEnd(study, mixtures, figure) into row where row.Levels.Count > 1 select row,
        ];
    }

    private static RouterCorrelation OverTraining(Study study, string mixture, RouterFigure figure)
    {
        var runs = study.Units.Select(unit => Moments(unit, mixture, figure)).ToList();
        return new(
            mixture,
            figure,
            Correlation.Of(runs.SelectMany(run => run)),
            Correlation.Of(runs.SelectMany(run => run.Zip(run.Skip(1), (before, after) => (after.X - before.X, after.Y - before.Y)))));
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
