using Bam.Checkpoints;

namespace Bam.Models;

/// <summary>Dense models by name: the paper's seeds (Table 8). It does not print the longest input; 8,192 is ours.</summary>
public static class ModelPresets
{
    /// <summary>The presets by name.</summary>
    public static IReadOnlyDictionary<string, ModelConfig> All { get; } = new Dictionary<string, ModelConfig>
    {
        ["small"] = new()
        {
            VocabSize = 256_000, HiddenSize = 1024, IntermediateSize = 2048, NumHiddenLayers = 6,
            NumAttentionHeads = 8, NumKeyValueHeads = 8, HeadDim = 128, MaxPositionEmbeddings = 8192, TieWordEmbeddings = false,
        },
        ["large"] = new()
        {
            VocabSize = 256_000, HiddenSize = 2304, IntermediateSize = 9216, NumHiddenLayers = 18,
            NumAttentionHeads = 18, NumKeyValueHeads = 6, HeadDim = 128, MaxPositionEmbeddings = 8192, TieWordEmbeddings = true,
        },
    };
}
