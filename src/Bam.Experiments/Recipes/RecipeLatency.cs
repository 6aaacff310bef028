using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>Which models' latency is measured, and how; the defaults are the paper's.</summary>
internal sealed record RecipeLatency
{
    /// <summary>The models, in turns.</summary>
    [Key("the models to measure, in turns")]
    public required IReadOnlyList<string> Models { get; init; }

    /// <summary>The tokens of the prompt.</summary>
    [Key("the tokens of the prompt", Minimum = 1)]
    public int PromptTokens { get; init; } = 256;

    /// <summary>The tokens that are generated.</summary>
    [Key("the tokens to generate after it", Minimum = 2)]
    public int NewTokens { get; init; } = 16;

    /// <summary>The runs of each model.</summary>
    [Key("the runs of each model, after one to warm up", Minimum = 1)]
    public int Runs { get; init; } = 10;

    /// <summary>The seconds that the paper prints, by model.</summary>
    [Key("the seconds that the paper prints, by model", ChangesResult = false)]
    public IReadOnlyDictionary<string, double> Paper { get; init; } = new Dictionary<string, double>();

    /// <summary>Other sizes at which the same mixtures are measured.</summary>
    [Key("presets at whose sizes the same mixtures are measured as well, with random weights, as bam-small")]
    public IReadOnlyList<string> Presets { get; init; } = [];
}
