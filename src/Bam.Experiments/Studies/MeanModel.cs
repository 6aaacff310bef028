using Bam.Experiments.Findings;

namespace Bam.Experiments.Studies;

/// <summary>A model of a study as one: the means of its figures over the units.</summary>
internal static class MeanModel
{
    /// <summary>The mean of <paramref name="model"/>; what is no figure is as in the first unit.</summary>
    public static ModelResult Of(Study study, ModelResult model)
    {
        return model with
        {
            Perplexity = ByDomain(result => result.Perplexity),
            BitsPerByte = ByDomain(result => result.BitsPerByte),
            MeanPerplexity = Mean(result => result.MeanPerplexity),
            TrainingTokens = (long)Mean(result => result.TrainingTokens),
            CoreSeconds = Mean(result => result.CoreSeconds),
            TokensPerSecond = Mean(result => result.TokensPerSecond),
            Flops = Mean(result => result.Flops),
        };

        double Mean(Func<ModelResult, double> figure) => study.Of(model.Name, figure).Mean;

        Dictionary<string, double> ByDomain(Func<ModelResult, IReadOnlyDictionary<string, double>> select) =>
            ModelFigure.ByDomain([.. select(model).Keys], select).ToDictionary(figure => figure.Title, figure => Mean(figure.Value));
    }
}
