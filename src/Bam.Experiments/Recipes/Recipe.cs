using Bam.Configuration;
using Bam.Training;

namespace Bam.Experiments.Recipes;

/// <summary>
/// A whole experiment: text, tokenizer, seed, experts, mixtures, measurement. See <see cref="RecipeReader"/> for its rules.
/// </summary>
internal sealed record Recipe
{
    [Key("the name of the run; by default the file's, or for a recipe.yaml its folder's", ChangesResult = false)]
    public string Name { get; init; } = "";

    [Key("the seed of all random numbers: parameters, routers, windows")]
    public long RandomSeed { get; init; }

    /// <summary>Empty for one run with <see cref="RandomSeed"/>.</summary>
    [Key(
        "a study: the recipe runs once with each of these seeds in place of random_seed, on the same text and held-out "
        + "documents")]
    public IReadOnlyList<long> RandomSeeds { get; init; } = [];

    /// <summary>Null for the run's own directory.</summary>
    [Key(
        "a study: the folder for the results of finished units; a unit with results there under the same key is not run again",
        IsPath = true, ChangesResult = false)]
    public string? Results { get; init; }

    [Key("a script that makes the domains' files, run as 'bash SCRIPT DIRECTORY'", IsPath = true, ChangesResult = false)]
    public string? Prepare { get; init; }

    [Key(
        "files, folders and patterns that the script reads, relative to the recipe; if they change, the script runs again",
        ChangesResult = false)]
    public IReadOnlyList<string> PrepareReads { get; init; } = [];

    /// <summary>In the order of the tables.</summary>
    [Key("the domains by name, with their text")]
    public required IReadOnlyDictionary<string, RecipeDomain> Domains { get; init; }

    [Key("the domain of general text: the seed is trained on it, and every expert keeps a share of it")]
    public string GeneralDomain { get; init; } = "general";

    [Key("the tokenizer: trained on the domains, or a file; a seed checkpoint has its own")]
    public RecipeTokenizer Tokenizer { get; init; } = new();

    [Key("how text becomes token shards: what is held out, what is dropped")]
    public RecipeData Data { get; init; } = new();

    [Key(
        "the seed's sizes: the keys of config.json inline, the path of a config.json, or the name of a preset (small, large), "
        + "which then has the tokenizer's vocabulary",
        IsPath = true)]
    public InlineValue? Model { get; init; }

    [Key("the dense model that experts and mixtures start from")]
    public required RecipeSeed Seed { get; init; }

    /// <summary>In the order of the mixtures' experts.</summary>
    [Key("the specialised copies of the seed, by name; an expert's domain has the expert's name unless 'domain' is set")]
    public IReadOnlyDictionary<string, RecipeExpert> Experts { get; init; } = new Dictionary<string, RecipeExpert>();

    /// <summary>In the order of the tables.</summary>
    [Key("the mixtures of seed and experts, by name")]
    public IReadOnlyDictionary<string, RecipeMixture> Mixtures { get; init; } = new Dictionary<string, RecipeMixture>();

    [Key(
        "what the routers of bam and btx start from: calibrated by the seed on the domains' text, where every model of the "
        + "mixture has a domain of its own, or random, as in the papers")]
    public RouterStart Routers { get; init; }

    [Key("how the models are measured")]
    public RecipeEvaluation Evaluation { get; init; } = new();

    [Key("a script that makes the probes' files, run as 'bash SCRIPT DIRECTORY'", IsPath = true, ChangesResult = false)]
    public string? ProbePrepare { get; init; }

    [Key(
        "files, folders and patterns that the probes' script reads, relative to the recipe; if they change, it runs again",
        ChangesResult = false)]
    public IReadOnlyList<string> ProbePrepareReads { get; init; } = [];

    /// <summary>In the order of the tables.</summary>
    [Key(
        "further text on which all models are measured, by name: text that no model has seen, or corrupted or mixed held-out "
        + "text")]
    public IReadOnlyDictionary<string, RecipeProbe> Probes { get; init; } = new Dictionary<string, RecipeProbe>();

    /// <summary>In the order of the tables.</summary>
    [Key("the downstream tasks on which the models are measured, by name; each model is compared with btx, item by item")]
    public IReadOnlyDictionary<string, RecipeTask> Tasks { get; init; } = new Dictionary<string, RecipeTask>();

    [Key("the models to time, and how; none if omitted")]
    public RecipeLatency? Latency { get; init; }

    [Key("the experiment's title in reports; its name if omitted", ChangesResult = false)]
    public string? Title { get; init; }

    [Key("the experiment's question, in a sentence or two, for reports", ChangesResult = false)]
    public string About { get; init; } = "";

    [Key("the tables of the report; one of all models if omitted", ChangesResult = false)]
    public IReadOnlyList<RecipeTable> Tables { get; init; } = [];

    [Key("orders of models that the report confirms or denies; if omitted, nothing is judged", ChangesResult = false)]
    public IReadOnlyList<RecipeClaim> Claims { get; init; } = [];

    /// <summary>The folder of the recipe's file, absolute.</summary>
    public string Folder { get; init; } = "";

    /// <summary>
    /// The lines of the keys that name a checkpoint, a tokenizer or a task, such as "recipe.yaml:5", by key ("seed.checkpoint");
    /// for errors.
    /// </summary>
    internal IReadOnlyDictionary<string, string> PlacesOfGivenFiles { get; init; } = new Dictionary<string, string>();

    /// <summary>The seed of parameters, routers and windows: the unit's, or <see cref="RandomSeed"/>.</summary>
    public long ModelSeed => RandomSeeds is [var seed] ? seed : RandomSeed;

    /// <summary>True without <see cref="RandomSeeds"/>: the recipe runs once, with <see cref="RandomSeed"/>.</summary>
    public bool HasOneUnit => RandomSeeds.Count == 0;

    /// <summary>The seed number of each unit.</summary>
    public IReadOnlyList<long> UnitSeeds => HasOneUnit ? [RandomSeed] : RandomSeeds;

    /// <summary>The recipe of one unit, for one of <see cref="UnitSeeds"/>.</summary>
    public Recipe ForSeed(long seed)
    {
        return HasOneUnit ? this : this with
        {
            RandomSeeds = [seed],
            Seed = Seed with { Training = Drawn(Seed.Training) },
            Experts = Experts.ToDictionary(pair => pair.Key, pair => pair.Value with { Training = Drawn(pair.Value.Training) }),
            Mixtures = Mixtures.ToDictionary(pair => pair.Key, pair => pair.Value with { Training = Drawn(pair.Value.Training) }),
        };

        TrainingSettings Drawn(TrainingSettings settings) => settings with { DataSeed = seed };
    }
}
