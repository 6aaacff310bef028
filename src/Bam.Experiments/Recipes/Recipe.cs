using Bam.Configuration;
using Bam.Training;

namespace Bam.Experiments.Recipes;

/// <summary>
/// A whole experiment: text, tokenizer, seed, experts, mixtures, measurement. See <see cref="RecipeReader"/> for its rules.
/// </summary>
internal sealed record Recipe
{
    /// <summary>The name of the run; the file's when absent, or of a <c>recipe.yaml</c> its folder's.</summary>
    [Key("the name of the run; the file's when absent, or of a recipe.yaml its folder's", ChangesResult = false)]
    public string Name { get; init; } = "";

    /// <summary>From which all random numbers come: parameters, routers, windows.</summary>
    [Key("the number that all random numbers come from: parameters, routers, windows")]
    public long RandomSeed { get; init; }

    /// <summary>
    /// The seed numbers of a study: the recipe runs once with each; empty for one run with <see cref="RandomSeed"/>.
    /// </summary>
    [Key("a study: the recipe runs once with each of these numbers in place of random_seed, on the same text and held-out documents")]
    public IReadOnlyList<long> RandomSeeds { get; init; } = [];

    /// <summary>Where a study keeps its units' figures; null for the run's own directory.</summary>
    [Key("a study: the folder that keeps the figures of finished units; a unit whose figures are there, under the same key, is not run again", IsPath = true, ChangesResult = false)]
    public string? Results { get; init; }

    /// <summary>A script that makes the domains' files.</summary>
    [Key("a script that makes the domains' files, run as 'bash SCRIPT DIRECTORY'", IsPath = true, ChangesResult = false)]
    public string? Prepare { get; init; }

    /// <summary>What the script reads: when it changes, the script runs again.</summary>
    [Key("files, folders and patterns that the script reads, relative to the recipe: when they change, it runs again", ChangesResult = false)]
    public IReadOnlyList<string> PrepareReads { get; init; } = [];

    /// <summary>The domains, in the order of the tables.</summary>
    [Key("the domains by name: their text")]
    public required IReadOnlyDictionary<string, RecipeDomain> Domains { get; init; }

    /// <summary>The domain that seeds are trained on and experts keep a share of.</summary>
    [Key("the domain of general text: the seed's, and a share of every expert's")]
    public string GeneralDomain { get; init; } = "general";

    /// <summary>Where the tokenizer comes from.</summary>
    [Key("the tokenizer: trained on the domains, or a file; a seed checkpoint brings its own")]
    public RecipeTokenizer Tokenizer { get; init; } = new();

    /// <summary>What is held out and dropped when shards are built.</summary>
    [Key("how text becomes shards: what is held out, what is dropped")]
    public RecipeData Data { get; init; } = new();

    /// <summary>The sizes of the seed.</summary>
    [Key("the seed's sizes: the keys of config.json inline, the path of a config.json, or a preset's name (small, large), whose vocabulary is then the tokenizer's", IsPath = true)]
    public InlineValue? Model { get; init; }

    /// <summary>The dense model that everything branches from.</summary>
    [Key("the dense model that everything branches from")]
    public required RecipeSeed Seed { get; init; }

    /// <summary>The specialised copies, in the order of the mixtures' experts.</summary>
    [Key("the specialised copies of the seed, by name; an expert's domain is the one of its name unless 'domain' says otherwise")]
    public IReadOnlyDictionary<string, RecipeExpert> Experts { get; init; } = new Dictionary<string, RecipeExpert>();

    /// <summary>The mixtures, in the order of the tables.</summary>
    [Key("the mixtures of seed and experts, by name")]
    public IReadOnlyDictionary<string, RecipeMixture> Mixtures { get; init; } = new Dictionary<string, RecipeMixture>();

    /// <summary>How the models are measured.</summary>
    [Key("how the models are measured")]
    public RecipeEvaluation Evaluation { get; init; } = new();

    /// <summary>A script that makes the probes' files.</summary>
    [Key("a script that makes the probes' files, run as 'bash SCRIPT DIRECTORY'", IsPath = true, ChangesResult = false)]
    public string? ProbePrepare { get; init; }

    /// <summary>What that script reads: when it changes, the script runs again.</summary>
    [Key("files, folders and patterns that the probes' script reads, relative to the recipe: when they change, it runs again", ChangesResult = false)]
    public IReadOnlyList<string> ProbePrepareReads { get; init; } = [];

    /// <summary>Text beside the domains' on which models are measured, in the order of the tables.</summary>
    [Key("text beside the domains' on which all models are measured, by name: text that no model saw, corrupted or mixed held-out text")]
    public IReadOnlyDictionary<string, RecipeProbe> Probes { get; init; } = new Dictionary<string, RecipeProbe>();

    /// <summary>Whose latency is measured; null for nobody's.</summary>
    [Key("whose latency is measured, and how; nobody's when absent")]
    public RecipeLatency? Latency { get; init; }

    /// <summary>What the experiment is about; for the report.</summary>
    [Key("the experiment's title in reports; its name when absent", ChangesResult = false)]
    public string? Title { get; init; }

    /// <summary>What the experiment asks; for the report.</summary>
    [Key("what the experiment asks, in a sentence or two, for reports", ChangesResult = false)]
    public string About { get; init; } = "";

    /// <summary>The tables of the report; one of all models when there are none.</summary>
    [Key("the tables of the report; one of all models when absent", ChangesResult = false)]
    public IReadOnlyList<RecipeTable> Tables { get; init; } = [];

    /// <summary>The claims that the report judges.</summary>
    [Key("orders of models that the report confirms or denies; when absent, nothing is judged", ChangesResult = false)]
    public IReadOnlyList<RecipeClaim> Claims { get; init; } = [];

    /// <summary>The folder of the recipe's file, absolute.</summary>
    public string Folder { get; init; } = "";

    /// <summary>
    /// Where the keys stand that name a checkpoint or a tokenizer, as "recipe.yaml:5", by key, as "seed.checkpoint"; for faults.
    /// </summary>
    internal IReadOnlyDictionary<string, string> PlacesOfGivenFiles { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// What parameters, routers and windows are drawn from: the unit's seed number, or <see cref="RandomSeed"/>.
    /// </summary>
    public long ModelSeed => RandomSeeds is [var seed] ? seed : RandomSeed;

    /// <summary>True without <see cref="RandomSeeds"/>: the recipe runs once, with <see cref="RandomSeed"/>.</summary>
    public bool HasOneUnit => RandomSeeds.Count == 0;

    /// <summary>The seed number of each unit.</summary>
    public IReadOnlyList<long> UnitSeeds => HasOneUnit ? [RandomSeed] : RandomSeeds;

    /// <summary>The recipe of one unit.</summary>
    /// <param name="seed">One of <see cref="UnitSeeds"/>.</param>
    public Recipe ForSeed(long seed)
    {
        return HasOneUnit ? this : this with
        {
            RandomSeeds = [seed],
            Seed = Seed with { Training = Drawn(Seed.Training) },
            Experts = Experts.ToDictionary(expert => expert.Key, expert => expert.Value with { Training = Drawn(expert.Value.Training) }),
            Mixtures = Mixtures.ToDictionary(mixture => mixture.Key, mixture => mixture.Value with { Training = Drawn(mixture.Value.Training) }),
        };

        TrainingSettings Drawn(TrainingSettings settings) => settings with { DataSeed = seed };
    }
}
