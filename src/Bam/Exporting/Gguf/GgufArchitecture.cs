using Bam.Checkpoints;
using Bam.Exporting.Limits;

namespace Bam.Exporting.Gguf;

/// <summary>One of llama.cpp's architectures: which models it computes, and how a file describes them.</summary>
internal sealed record GgufArchitecture
{
    /// <summary>The value of <c>general.architecture</c>, and the first part of its keys.</summary>
    public required string Name { get; init; }

    /// <summary>True for models that have what distinguishes the architecture.</summary>
    public required Predicate<ModelConfig> Suits { get; init; }

    /// <summary>
    /// The model that llama.cpp computes from the file, within the file's context length. Settings without a key in the file have
    /// the values that llama.cpp uses for them.
    /// </summary>
    public required Func<ModelConfig, ModelConfig> Computes { get; init; }

    /// <summary>Limits that <see cref="Computes"/> does not show: sizes that do not load.</summary>
    public IReadOnlyList<ExportLimit> Limits { get; init; } = [];

    /// <summary>True if rotary pairs are neighbours: rows of queries and keys are permuted (<see cref="RotaryRows"/>).</summary>
    public bool HasNeighbouringPairs { get; init; }

    /// <summary>True if the file holds a head even if it is tied to the embedding matrix.</summary>
    public bool NeedsHead { get; init; }

    /// <summary>True if queries, keys and values are one tensor, and gate and up projection another.</summary>
    public bool JoinsProjections { get; init; }

    /// <summary>Adds the metadata of this architecture alone.</summary>
    public Action<GgufMetadata, ModelConfig> AddSettings { get; init; } = (_, _) => { };

    /// <summary>
    /// The period n of the layers with a window: of n successive layers, all but the last have it (0: all layers, 1: none). Null
    /// if the architecture has no windows or cannot have them in these layers.
    /// </summary>
    public Func<ModelConfig, int?> WindowPeriod { get; init; } = _ => null;

    /// <summary>A key of the architecture.</summary>
    public string Key(string name) => $"{Name}.{name}";

    /// <summary>
    /// The context length of the file: up to it, windows that the architecture lacks, and dynamic scaling, have no effect.
    /// </summary>
    public int ContextLength(ModelConfig config) => WindowPeriod(config) is not null
        ? config.MaxPositionEmbeddings
        : Math.Min(config.MaxPositionEmbeddings, config.SlidingWindow ?? int.MaxValue);

    /// <summary>The model with the parts that the architecture requires and that change nothing.</summary>
    public Func<ModelConfig, ModelConfig> Complete { get; init; } = config => config;

    /// <summary>What prevents the architecture from computing the model exactly; null if nothing does.</summary>
    public string? Obstacle(ModelConfig config)
    {
        if (Limits.FirstOrDefault(limit => limit.IsMet(config)) is { } met) return met.What;
        var complete = Complete(config);
        return FeatureWords.FirstDifference(complete, Computes(complete));
    }

    /// <summary>The architecture of a model: the first that suits it and computes it exactly.</summary>
    /// <exception cref="InvalidInputException">There is none; the message says why the first that suits does not.</exception>
    public static GgufArchitecture Of(ModelConfig config, string where, string format)
    {
        var suitable = GgufArchitectures.All.Where(architecture => architecture.Suits(config)).ToList();
        return suitable.Find(architecture => architecture.Obstacle(config) is null)
            ?? throw ExportLimit.Refused(where, format, suitable[0].Obstacle(config)!);
    }
}
