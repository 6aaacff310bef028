using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>How the models are measured.</summary>
internal sealed record RecipeEvaluation
{
    [Key("the length of an evaluation window, in tokens; the seed's sequence_length if omitted", Minimum = 1)]
    public int? SequenceLength { get; init; }

    [Key("the windows of one batch; changes speed and memory, not the result", Minimum = 1, ChangesResult = false)]
    public int BatchSize { get; init; } = 16;
}

/// <summary>Which models are timed, and how; the defaults are the paper's.</summary>
internal sealed record RecipeLatency
{
    [Key("the models to time, in turns")]
    public required IReadOnlyList<string> Models { get; init; }

    [Key("the tokens of the prompt", Minimum = 1)]
    public int PromptTokens { get; init; } = 256;

    [Key("the tokens to generate after it", Minimum = 2)]
    public int NewTokens { get; init; } = 16;

    [Key("the runs of each model, after one to warm up", Minimum = 1)]
    public int Runs { get; init; } = 10;

    [Key("the seconds that the paper prints, by model", ChangesResult = false)]
    public IReadOnlyDictionary<string, double> Paper { get; init; } = new Dictionary<string, double>();

    [Key("presets at whose sizes the same mixtures are also timed, with random weights, such as bam-small")]
    public IReadOnlyList<string> Presets { get; init; } = [];
}
