using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;

namespace Bam.Experiments.Studies;

/// <summary>
/// A recipe's results, for reports: the finished units in the order of their seed numbers, all of the same models and domains.
/// </summary>
internal sealed record Study(Recipe Recipe, IReadOnlyList<Results> Units)
{
    /// <summary>The recipe's name.</summary>
    public string Name => Recipe.Name;

    /// <summary>The title of the reports.</summary>
    public string Title => Recipe.Title ?? Recipe.Name;

    /// <summary>The domains in the order of the tables.</summary>
    public IReadOnlyList<string> Domains => [.. Recipe.Domains.Keys];

    /// <summary>The models in the order of the tables.</summary>
    public IReadOnlyList<ModelResult> Models => Units.Count == 0 ? [] : Units[0].Models;

    /// <summary>The seed numbers that are not finished.</summary>
    public IReadOnlyList<long> MissingSeeds => [.. Recipe.RandomSeeds.Except(Units.Select(unit => unit.RandomSeed))];

    /// <summary>The models with the means of their figures over the units.</summary>
    public IReadOnlyList<ModelResult> MeanModels => [.. Models.Select(model => MeanModel.Of(this, model))];

    /// <summary>The recipe's tables; one of all models, against the first BTX or else the seed, when it has none.</summary>
    public IReadOnlyList<RecipeTable> Tables => Recipe.Tables.Count > 0 ? Recipe.Tables : [OfAllModels];

    /// <summary>The recipe's claims with what the units say about them.</summary>
    public IReadOnlyList<ClaimResult> Claims => [.. Recipe.Claims.Select(claim => ClaimResult.Of(this, claim))];

    /// <summary>
    /// For a recipe without claims: experts and mixtures compared with the seed, by perplexity on the experts'
    /// domains. The seed's own domain stays out: mixtures may lose there, as in the paper.
    /// </summary>
    public IReadOnlyList<Comparison> Observations
    {
        get
        {
            var experts = Models.Where(model => model is { Kind: ModelKind.Expert, Domain: not null }).ToList();
            if (Recipe.Claims.Count > 0 || experts.Count == 0 || FirstOf(ModelKind.Seed) is not { } seed) return [];
            var domains = experts.Select(expert => expert.Domain!).Distinct().ToList();
            return
            [
                .. from model in experts.Concat(Models.Where(model => model.Kind is ModelKind.Btx or ModelKind.Bam))
                   from figure in ModelFigure.ByDomain(domains, model => model.Perplexity)
                   select Comparison.Of(this, model.Name, seed.Name, figure),
            ];
        }
    }

    private RecipeTable OfAllModels => new()
    {
        Title = "Perplexity by domain",
        Models = [.. Models.Select(model => model.Name)],
        Against = (FirstOf(ModelKind.Btx) ?? FirstOf(ModelKind.Seed))?.Name,
    };

    private ModelResult? FirstOf(ModelKind kind) => Models.FirstOrDefault(model => model.Kind == kind);

    /// <summary>One model's figures, a value for each unit.</summary>
    public Sample Of(string model, Func<ModelResult, double> figure) =>
        new([.. Units.Select(unit => figure(unit.Models.First(result => result.Name == model)))]);
}

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
            ModelFigure.ByDomain([.. select(model).Keys], select)
                .ToDictionary(figure => figure.Title, figure => Mean(figure.Value));
    }
}
