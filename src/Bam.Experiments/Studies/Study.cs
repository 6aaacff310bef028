using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;

namespace Bam.Experiments.Studies;

/// <summary>A recipe run with several seed numbers: what each unit found, and what the report is to show of it.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Units">The finished units, in the order of their seed numbers; all of the same models and domains.</param>
internal sealed record Study(Recipe Recipe, IReadOnlyList<Results> Units)
{
    /// <summary>The recipe's name.</summary>
    public string Name => Recipe.Name;

    /// <summary>The title for people.</summary>
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
    public IReadOnlyList<ClaimVerdict> Claims => [.. Recipe.Claims.Select(claim => ClaimVerdict.Of(this, claim))];

    private RecipeTable OfAllModels => new()
    {
        Title = "All models",
        Models = ["seed", .. Recipe.Experts.Keys, .. Recipe.Mixtures.Keys],
        Against = Recipe.Mixtures.FirstOrDefault(mixture => mixture.Value.Method == MixtureMethod.Btx).Key ?? "seed",
    };

    /// <summary>One model's figures, a value for each unit.</summary>
    /// <param name="model">The model's name.</param>
    /// <param name="figure">Which figure.</param>
    public Sample Of(string model, Func<ModelResult, double> figure) =>
        new([.. Units.Select(unit => figure(unit.Models.First(result => result.Name == model)))]);
}
