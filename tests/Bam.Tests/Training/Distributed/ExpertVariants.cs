using Bam.Checkpoints;
using Bam.Tests.Models;

namespace Bam.Tests.Training.Distributed;

/// <summary>Mixtures whose experts two or four ranks share, by name: every kind of block and branch.</summary>
internal static class ExpertVariants
{
    private static readonly ModelConfig s_btx = TinyModels.Dense with { NumLocalExperts = 4, NumExpertsPerTok = 2 };
    private static readonly ModelConfig s_bam = TinyModels.Dense with { NumAttentionExperts = 4, NumLocalExperts = 4 };
    private static readonly ModelConfig s_biased = TinyModels.Biased with { NumAttentionExperts = 4, NumLocalExperts = 4 };
    private static readonly ModelConfig s_normed = TinyModels.Normed with { NumAttentionExperts = 4, NumLocalExperts = 4 };

    /// <summary>How the names of variants end whose ranks keep only the inputs of blocks.</summary>
    public const string Checkpointed = ", activation checkpointing";

    public static IReadOnlyDictionary<string, ModelConfig> All { get; } = new Dictionary<string, ModelConfig>
    {
        ["BTX"] = s_btx,
        ["BTX, sequential blocks"] = s_btx with { ParallelBlock = false, NormTopkProb = true, TieWordEmbeddings = false },
        ["BAM"] = s_bam,
        ["BAM, shared keys and values"] = s_bam with { ShareKeyValue = true },
        ["BAM, sequential blocks"] = s_bam with { ParallelBlock = false },
        ["BAM" + Checkpointed] = s_bam,
        ["BTX, sequential blocks" + Checkpointed] = s_btx with { ParallelBlock = false, TieWordEmbeddings = false },
        ["BAM, one attention expert per token"] = TopK(s_bam, 1),
        ["BAM, two attention experts per token"] = TopK(s_bam, 2) with { NumExpertsPerTok = 2 },
        ["BAM, chosen attention experts, shared keys and values"] = TopK(s_bam, 2) with { ShareKeyValue = true },
        ["attention experts alone"] = s_bam with { NumLocalExperts = 1 },
        ["biases and norms of each head"] = s_biased,
        ["biases and norms of each head, shared keys and values"] = s_biased with { ShareKeyValue = true },
        ["biases and norms of each head, chosen attention experts"] = TopK(s_biased, 1),
        ["sequential blocks with norms of heads"] = s_normed,
        ["sequential blocks with norms over all heads, shared keys and values"] =
            s_normed with { QueryKeyNorm = QueryKeyNorm.AllHeads, ShareKeyValue = true },
        ["norms around the branches, caps and factors"] = s_normed with
        {
            NormPlacement = NormPlacement.Both, AttnLogitSoftcapping = 5, FinalLogitSoftcapping = 8, ResidualMultiplier = 0.7,
            EmbeddingMultiplier = 3, NormUnitOffset = true,
        },
        ["a shared expert"] = s_btx with { SharedExpertIntermediateSize = 24 },
        ["layers without experts"] = s_bam with { NumHiddenLayers = 3, MlpOnlyLayers = [1], DenseIntermediateSize = 40 },
    };

    private static ModelConfig TopK(ModelConfig config, int count) =>
        config with { AttentionRouting = AttentionRouting.TopK, NumAttentionExpertsPerTok = count };
}
