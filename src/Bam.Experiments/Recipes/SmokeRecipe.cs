using System.Text.Json.Nodes;
using Bam.Configuration;
using Bam.Training;

namespace Bam.Experiments.Recipes;

/// <summary>
/// A recipe whose every phase takes a moment: the same phases, mixtures and measurements, on tiny models, a few steps and
/// synthetic text. It shows that the recipe and the machine work; its figures mean nothing.
/// </summary>
internal static class SmokeRecipe
{
    private const int MostSeeds = 2;
    private const int Steps = 4;

    private static readonly JsonObject Sizes = new()
    {
        ["hidden_size"] = 16, ["intermediate_size"] = 16, ["num_hidden_layers"] = 2, ["num_attention_heads"] = 2, ["max_position_embeddings"] = 64,
    };

    /// <summary>Shrinks a recipe. Models that it is given as checkpoints, and the text for them, stay as they are.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="textFolder">Receives the synthetic text.</param>
    public static Recipe Of(Recipe recipe, string textFolder)
    {
        var small = recipe with
        {
            RandomSeeds = [.. recipe.RandomSeeds.Take(MostSeeds)],
            Results = null,
            Seed = recipe.Seed with { Training = Short(recipe.Seed.Training) },
            Experts = recipe.Experts.ToDictionary(expert => expert.Key, expert => expert.Value with { Training = Short(expert.Value.Training) }),
            Mixtures = recipe.Mixtures.ToDictionary(mixture => mixture.Key, mixture => mixture.Value with { Training = Short(mixture.Value.Training) }),
            Evaluation = recipe.Evaluation with { SequenceLength = null },
            Latency = recipe.Latency is null ? null : recipe.Latency with { PromptTokens = 8, NewTokens = 2, Runs = 2, Presets = [] },
        };
        if (recipe.Seed.Checkpoint is not null) return small;
        return small with
        {
            Prepare = null,
            PrepareReads = [],
            ProbePrepare = null,
            ProbePrepareReads = [],
            Probes = recipe.Probes.ToDictionary(probe => probe.Key, probe => Short(probe.Key, probe.Value, textFolder)),
            Domains = recipe.Domains.Keys.ToDictionary(domain => domain, domain => new RecipeDomain { Files = [SyntheticText.Write(textFolder, domain)] }),
            Tokenizer = new() { VocabSize = 300, MegabytesPerDomain = recipe.Tokenizer.MegabytesPerDomain },
            Data = new() { HeldOutFraction = 0.1, NearDuplicateSimilarity = 1, ContaminationShare = 1 },
            Model = new InlineValue(Sizes.ToJsonString(), "the sizes of --smoke", null),
        };
    }

    private static RecipeProbe Short(string name, RecipeProbe probe, string textFolder) => probe with
    {
        Files = probe.Files is null ? null : [SyntheticText.Write(textFolder, $"probe-{name}")],
        TextKey = "text",
        GroupKey = null,
        SectionSeparator = null,
        Pieces = probe.Pieces is null ? null : 40,
    };

    private static TrainingSettings Short(TrainingSettings settings) => settings with
    {
        BatchSize = 2,
        GradientAccumulation = 1,
        SequenceLength = 16,
        WarmupSteps = 1,
        Tokens = null,
        Steps = settings.Tokens is null && settings.Steps is null ? null : Steps,
        EvaluateEvery = settings.EvaluateEvery > 0 ? Steps / 2 : 0,
        LogEvery = 1,
    };
}
