using Bam.Checkpoints;

namespace Bam.Models.Costs;

/// <summary>
/// What the paper prints of its small models, in Tables 7 to 10, and why we count otherwise where we do. Of the large ones it
/// prints rounded sizes only.
/// </summary>
internal static class PaperFigures
{
    /// <summary>n_ctx of Tables 7 and 10.</summary>
    public const int Context = 256;

    private const string Unexplained = "The paper's total holds 6,144·k beyond the formula of its Table 10 "
        + "(6 d for each feed-forward expert of a token) and does not say what they are.";

    private static readonly (string Model, PaperQuantity Quantity, string Source, long Paper, string? Explanation)[] Printed =
    [
        (PaperFamily.Seed, PaperQuantity.Parameters, "Table 8", 587_209_728, null),
        (PaperFamily.Btx, PaperQuantity.Parameters, "Table 9", 700_480_512, null),
        (PaperFamily.Btx, PaperQuantity.ActiveParameters, "Table 9", 587_234_304, null),
        (PaperFamily.Btx, PaperQuantity.AttentionFlops, "Table 7", 8_912_896, null),
        (PaperFamily.Btx, PaperQuantity.LayerFlops, "Table 10", 21_510_144, Unexplained),
        (PaperFamily.BtxTopThree, PaperQuantity.Parameters, "Table 9", 700_480_512,
            "The paper repeats the total of BTX with 4 experts; two more experts and their rows of the router are 75,509,760."),
        (PaperFamily.BtxTopThree, PaperQuantity.ActiveParameters, "Table 9", 662_731_776,
            "The paper counts the router of 4 experts; the two more rows are 12,288 over all layers."),
        (PaperFamily.BtxTopThree, PaperQuantity.LayerFlops, "Table 10", 46_692_352, Unexplained),
        (PaperFamily.Bam, PaperQuantity.Parameters, "Table 9", 776_002_560, null),
        (PaperFamily.Bam, PaperQuantity.ActiveParameters, "Table 9", 662_731_776,
            "The paper's total counts both routers, its active count one; the other is 24,576 over all layers."),
        (PaperFamily.Bam, PaperQuantity.AttentionFlops, "Table 7", 35_651_584, null),
        (PaperFamily.Bam, PaperQuantity.LayerFlops, "Table 10", 48_257_024, Unexplained),
        (PaperFamily.BamShared, PaperQuantity.Parameters, "Table 9", 738_253_824, null),
        (PaperFamily.BamShared, PaperQuantity.ActiveParameters, "Table 9", 612_400_128,
            "The paper's active count leaves out K and V, 12,582,912, which every token meets, and one of the routers, 24,576."),
    ];

    /// <summary>The paper's figures of a model, none unless it is one of the small family.</summary>
    public static IReadOnlyList<PaperFigure> Of(ModelConfig config)
    {
        var name = PaperFamily.Of(ModelPresets.All["small"]).FirstOrDefault(model => AreAlike(model.Config, config))?.Name;
        return
        [
            .. Printed.Where(figure => figure.Model == name).Select(figure => new PaperFigure(
                figure.Model, figure.Quantity, figure.Source, figure.Paper, PaperFigure.Count(config, figure.Quantity),
                figure.Explanation)),
        ];
    }

    // Equal in all that is counted.
    private static bool AreAlike(ModelConfig one, ModelConfig other) =>
        ModelSize.ByKind(one).SequenceEqual(ModelSize.ByKind(other))
            && LayerFlops.Inference(one, Context) == LayerFlops.Inference(other, Context);
}

/// <summary>A figure of the paper, and our own.</summary>
/// <param name="Model">A name of <see cref="PaperFamily"/>.</param>
/// <param name="Quantity">What it counts.</param>
/// <param name="Source">The table, as "Table 9".</param>
/// <param name="Paper">The paper's figure.</param>
/// <param name="Ours">What we count.</param>
/// <param name="Explanation">Why they differ; null when they do not.</param>
internal sealed record PaperFigure(
    string Model, PaperQuantity Quantity, string Source, long Paper, long Ours, string? Explanation)
{
    /// <summary>The paper's minus ours.</summary>
    public long Difference => Paper - Ours;

    internal static long Count(ModelConfig config, PaperQuantity quantity) => quantity switch
    {
        PaperQuantity.Parameters => ModelSize.Of(config).Total,
        PaperQuantity.ActiveParameters => ModelSize.Of(config).Active,
        PaperQuantity.AttentionFlops => LayerFlops.Inference(config, PaperFigures.Context).Attention,
        _ => LayerFlops.Inference(config, PaperFigures.Context).Total,
    };
}

/// <summary>What a figure of the paper counts.</summary>
internal enum PaperQuantity
{
    /// <summary>All parameters (Tables 8 and 9).</summary>
    Parameters,

    /// <summary>Parameters that are active for one token (Table 9).</summary>
    ActiveParameters,

    /// <summary>FLOPs of a token and layer in attention without its router, n_ctx = 256 (Table 7).</summary>
    AttentionFlops,

    /// <summary>FLOPs of a token and layer, n_ctx = 256 (Tables 7 and 10).</summary>
    LayerFlops,
}

/// <summary>The models that BAM compares: a dense seed and the mixtures of it and three specialised copies.</summary>
internal static class PaperFamily
{
    /// <summary>The dense model that everything branches from.</summary>
    public const string Seed = "dense seed";

    /// <summary>Four feed-forward experts, one for a token.</summary>
    public const string Btx = "BTX";

    /// <summary>BTX with six feed-forward experts, two of them further copies of the seed's, three for a token.</summary>
    public const string BtxTopThree = "BTX 6 top-3";

    /// <summary>Four attention experts with their own keys and values.</summary>
    public const string Bam = "BAM";

    /// <summary>The same with one K and V for all.</summary>
    public const string BamShared = "BAM shared KV";

    /// <summary>The family of a seed, the seed first.</summary>
    public static IReadOnlyList<NamedModel> Of(ModelConfig seed)
    {
        var four = seed with { NumLocalExperts = 4 };
        return
        [
            new(Seed, seed),
            new(Btx, four),
            new(BtxTopThree, seed with { NumLocalExperts = 6, NumExpertsPerTok = 3 }),
            new(Bam, four with { NumAttentionExperts = 4 }),
            new(BamShared, four with { NumAttentionExperts = 4, ShareKeyValue = true }),
        ];
    }
}
