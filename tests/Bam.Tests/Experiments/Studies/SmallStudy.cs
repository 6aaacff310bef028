using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;

namespace Bam.Tests.Experiments.Studies;

/// <summary>
/// A study whose numbers a person can work out: models a and b on two domains, one unit for each pair of means.
/// </summary>
internal static class SmallStudy
{
    /// <summary>A study with seeds 1, 2 …; domain x lies 1 below the mean, domain y 1 above.</summary>
    public static Study Of(params (double A, double B)[] means) => Of(RecipeWith(), means);

    public static Study Of(Recipe recipe, params (double A, double B)[] means) =>
        new(recipe, [.. means.Select((mean, i) => new Results
    {
        Recipe = recipe.Name,
        RandomSeed = i + 1,
        Key = "key",
        Seconds = 60,
        Created = DateTimeOffset.UnixEpoch,
        Machine = new() { Cpu = "cpu", Cores = 2, Memory = 1L << 30, Libtorch = "1.13", Blas = "blas", Threads = 2 },
        Domains = ["x", "y"],
        Models = [Model("a", ModelKind.Bam, mean.A), Model("b", ModelKind.Btx, mean.B)],
        ResolvedRecipe = "",
    })]);

    public static Recipe RecipeWith(params RecipeClaim[] claims) => new()
    {
        Name = "small",
        RandomSeeds = [1, 2, 3],
        Domains = new Dictionary<string, RecipeDomain> { ["x"] = new() { Files = [] }, ["y"] = new() { Files = [] } },
        Seed = new(),
        Tables = [new() { Title = "Both", Models = ["a", "b"], Against = "b" }],
        Claims = claims,
    };

    public static ModelResult Model(string name, ModelKind kind, double mean) => new()
    {
        Name = name,
        Kind = kind,
        Perplexity = new Dictionary<string, double> { ["x"] = mean - 1, ["y"] = mean + 1 },
        BitsPerByte = new Dictionary<string, double> { ["x"] = 1.5, ["y"] = 2 },
        Tokens = new Dictionary<string, long> { ["x"] = 1000, ["y"] = 1000 },
        MeanPerplexity = mean,
        ParametersTotal = 10,
        ParametersActive = 5,
        TrainingTokens = 100,
        CoreSeconds = 2,
        TokensPerSecond = 50,
        Flops = 1e9,
    };
}
