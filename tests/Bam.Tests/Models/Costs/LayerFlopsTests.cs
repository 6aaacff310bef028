using Bam.Checkpoints;
using Bam.Models;
using Bam.Models.Costs;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models.Costs;

/// <summary>The paper's convention against its Tables 7 and 10, then what the tables do not have by hand.</summary>
public sealed class LayerFlopsTests
{
    private static readonly ModelConfig Small = ModelPresets.All["small"];

    // d 8, f 16, four heads of 2, two key-value heads.
    private static readonly ModelConfig Grouped = Small with
    {
        HiddenSize = 8, IntermediateSize = 16, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 2, NumAttentionExperts = 3,
        NumLocalExperts = 5, NumExpertsPerTok = 2,
    };

    [Fact]
    public void The_papers_BAM_component_by_component()
    {
        var layer = LayerFlops.Inference(Small with { NumAttentionExperts = 4, NumLocalExperts = 4 }, 256);
        layer.AttentionRouter.ShouldBe(8_192);                 // 2Nd
        layer.QueryKeyValue.ShouldBe(4 * 6_291_456);           // 6d² for each expert
        layer.Scores.ShouldBe(4 * 524_288);                    // 2·n_ctx·d for each expert
        layer.OutputProjection.ShouldBe(4 * 2_097_152);        // 2d² for each expert
        layer.FeedForwardRouter.ShouldBe(8_192);               // 2Md
        layer.FeedForward.ShouldBe(12_582_912);                // 3·k·d·d_ff
        layer.Attention.ShouldBe(35_651_584);                  // Table 7
        layer.Total.ShouldBe(48_257_024 - 6_144);              // Table 10, without what it does not explain
    }

    [Fact]
    public void Grouped_heads_make_keys_and_values_narrower()
    {
        var own = LayerFlops.Inference(Grouped, 10);
        own.QueryKeyValue.ShouldBe(3 * 2 * 8 * 8 + 3 * 4 * 8 * 4);
        own.Scores.ShouldBe(3 * 2 * 10 * 8);
        own.FeedForward.ShouldBe(2 * 6 * 8 * 16);
        LayerFlops.Inference(Grouped with { ShareKeyValue = true }, 10)
            .ShouldBe(own with { QueryKeyValue = 3 * 2 * 8 * 8 + 4 * 8 * 4 });
    }

    [Fact]
    public void Top_k_attention_counts_the_sparse_form()
    {
        var soft = LayerFlops.Inference(Grouped, 10);
        var sparse = LayerFlops.Inference(
            Grouped with { AttentionRouting = AttentionRouting.TopK, NumAttentionExpertsPerTok = 1 }, 10);
        sparse.ShouldBe(soft with
        {
            QueryKeyValue = 2 * 8 * 8 + 3 * 4 * 8 * 4,  // keys and values of every expert for every token
            Scores = soft.Scores / 3,
            OutputProjection = soft.OutputProjection / 3,
        });
    }

    [Fact]
    public void The_two_conventions_differ_in_the_scores_alone()
    {
        var inference = LayerFlops.Inference(Grouped, 10);
        LayerFlops.Causal(Grouped, 10).ShouldBe(inference with { Scores = 3 * 2 * 8 * 11 });
        ModelFlops.Inference(Grouped, 10).ShouldBe(6.0 * inference.Total + 2.0 * 8 * 256_000);
        LayerFlops.Inference(Grouped with { ParallelBlock = false }, 10).ShouldBe(inference);
    }
}
