using Bam.Checkpoints;

namespace Bam.Models.Costs;

/// <summary>The models that BAM compares: a dense seed and the mixtures of it and three specialised copies.</summary>
internal static class PaperFamily
{
    /// <summary>The dense model that everything branches from.</summary>
    public const string Seed = "dense seed";

    /// <summary>Four feed-forward experts, one for a token.</summary>
    public const string Btx = "BTX";

    /// <summary>BTX with more parameters: six feed-forward experts, two of them further copies of the seed's, three for a token.</summary>
    public const string BtxTopThree = "BTX 6 top-3";

    /// <summary>Four attention experts with their own keys and values.</summary>
    public const string Bam = "BAM";

    /// <summary>The same with one K and V for all.</summary>
    public const string BamShared = "BAM shared KV";

    /// <summary>The family of a seed, the seed first.</summary>
    public static IReadOnlyList<NamedModel> Of(ModelConfig seed)
    {
        ArgumentNullException.ThrowIfNull(seed);
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
