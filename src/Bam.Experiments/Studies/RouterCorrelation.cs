namespace Bam.Experiments.Studies;

/// <summary>How a figure of the routers moves with the mean perplexity on held-out text.</summary>
/// <param name="Model">The mixture, over the moments of its training; null: across the mixtures, at the end of training.</param>
/// <param name="Figure">Of the routers.</param>
/// <param name="Levels">Of the values themselves; over a training both follow the learning, related or not.</param>
/// <param name="Steps">Of their changes from one moment to the next, which have no such common trend; null across mixtures.</param>
internal sealed record RouterCorrelation(string? Model, RouterFigure Figure, Correlation Levels, Correlation? Steps);
