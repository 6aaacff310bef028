using Bam.Checkpoints;
using Bam.Models.Costs;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

/// <summary>Counts at the paper's small size (BAM, Tables 8 and 9).</summary>
public sealed class ModelSizeTests
{
    private static readonly ModelConfig Small = new()
    {
        VocabSize = 256_000,
        HiddenSize = 1024,
        IntermediateSize = 2048,
        NumHiddenLayers = 6,
        NumAttentionHeads = 8,
        NumKeyValueHeads = 8,
        HeadDim = 128,
        MaxPositionEmbeddings = 2048,
        TieWordEmbeddings = false,
    };

    public static TheoryData<string, long, long> Models => new()
    {
        { "seed", 587_209_728, 587_209_728 },
        { "bam", 776_002_560, 662_756_352 },
        { "bam-shared", 738_253_824, 625_007_616 },
        { "btx", 700_480_512, 587_234_304 },
        { "btx-6-top-3", 775_990_272, 662_744_064 },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Parameters_are_the_papers_where_the_paper_counts_all(string name, long total, long active)
    {
        var four = Small with { NumLocalExperts = 4 };
        var size = ModelSize.Of(name switch
        {
            "seed" => Small,
            "bam" => four with { NumAttentionExperts = 4 },
            "bam-shared" => four with { NumAttentionExperts = 4, ShareKeyValue = true },
            "btx" => four,
            _ => Small with { NumLocalExperts = 6, NumExpertsPerTok = 3 },
        });
        size.Total.ShouldBe(total);
        size.Active.ShouldBe(active);
    }

    [Fact]
    public void Flops_of_a_dense_model_by_hand()
    {
        // d 4, f 8, one head of 4, T 3, V 10, one layer: 8d² + 2·2·d·(T+1)/2 + 6df + 2dV.
        var config = Small with
        {
            VocabSize = 10,
            HiddenSize = 4,
            IntermediateSize = 8,
            NumHiddenLayers = 1,
            NumAttentionHeads = 1,
            NumKeyValueHeads = 1,
            HeadDim = 4,
        };
        ModelFlops.Forward(config, 3).ShouldBe(128 + 32 + 192 + 80);
        ModelFlops.Training(config, 3).ShouldBe(3 * 432);
    }

    [Fact]
    public void Experts_multiply_only_what_each_token_uses()
    {
        var dense = ModelFlops.Forward(Small, 256);
        var btx = ModelFlops.Forward(Small with { NumLocalExperts = 4 }, 256);
        (btx - dense).ShouldBe(6 * 2 * 4 * 1024);  // the router alone
        var bam = Small with { NumLocalExperts = 4, NumAttentionExperts = 4 };
        var sparse = bam with { AttentionRouting = AttentionRouting.TopK, NumAttentionExpertsPerTok = 1 };
        (ModelFlops.Forward(bam, 256) - ModelFlops.Forward(sparse, 256)).ShouldBe(6 * 3.0 * (4 * 1024 * 1024 + 4 * 1024 * 128.5));
    }
}
