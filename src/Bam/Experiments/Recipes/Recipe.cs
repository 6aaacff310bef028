using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>A whole experiment: text, tokenizer, seed, experts, mixtures, measurement. See <see cref="RecipeReader"/> for its rules.</summary>
public sealed record Recipe
{
    /// <summary>The name of the run; the recipe's folder when absent.</summary>
    [Key("the name of the run; the recipe's folder when absent", ChangesResult = false)]
    public string Name { get; init; } = "";

    /// <summary>From which all random numbers come: parameters, routers, windows.</summary>
    [Key("the number that all random numbers come from: parameters, routers, windows")]
    public long RandomSeed { get; init; }

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
}
