using Bam.Checkpoints;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints;

public sealed class ParameterTableTests
{
    private static readonly ModelConfig Tiny = new()
    {
        VocabSize = 7, HiddenSize = 6, IntermediateSize = 5, NumHiddenLayers = 1, NumAttentionHeads = 4, NumKeyValueHeads = 2,
        HeadDim = 2, MaxPositionEmbeddings = 8,
    };

    [Fact]
    public void A_sequential_untied_mixture_with_shared_keys_and_values()
    {
        var config = Tiny with
        {
            ParallelBlock = false, TieWordEmbeddings = false, NumAttentionExperts = 2, ShareKeyValue = true, NumLocalExperts = 3,
        };
        Describe(config).ShouldBe(
        [
            "model.embed_tokens.weight 7x6 Embedding -1 -1",
            "model.layers.0.input_layernorm.weight 6 Norm 0 -1",
            "model.layers.0.self_attn.router.weight 2x6 AttentionRouter 0 -1",
            "model.layers.0.self_attn.experts.0.q_proj.weight 8x6 Query 0 0",
            "model.layers.0.self_attn.experts.1.q_proj.weight 8x6 Query 0 1",
            "model.layers.0.self_attn.k_proj.weight 4x6 Key 0 -1",
            "model.layers.0.self_attn.v_proj.weight 4x6 Value 0 -1",
            "model.layers.0.self_attn.experts.0.o_proj.weight 6x8 Output 0 0",
            "model.layers.0.self_attn.experts.1.o_proj.weight 6x8 Output 0 1",
            "model.layers.0.post_attention_layernorm.weight 6 Norm 0 -1",
            "model.layers.0.mlp.router.weight 3x6 FeedForwardRouter 0 -1",
            "model.layers.0.mlp.experts.0.gate_proj.weight 5x6 Gate 0 0",
            "model.layers.0.mlp.experts.1.gate_proj.weight 5x6 Gate 0 1",
            "model.layers.0.mlp.experts.2.gate_proj.weight 5x6 Gate 0 2",
            "model.layers.0.mlp.experts.0.up_proj.weight 5x6 Up 0 0",
            "model.layers.0.mlp.experts.1.up_proj.weight 5x6 Up 0 1",
            "model.layers.0.mlp.experts.2.up_proj.weight 5x6 Up 0 2",
            "model.layers.0.mlp.experts.0.down_proj.weight 6x5 Down 0 0",
            "model.layers.0.mlp.experts.1.down_proj.weight 6x5 Down 0 1",
            "model.layers.0.mlp.experts.2.down_proj.weight 6x5 Down 0 2",
            "model.norm.weight 6 Norm -1 -1",
            "lm_head.weight 7x6 Head -1 -1",
        ]);
    }

    [Fact]
    public void A_dense_model_has_no_routers_and_no_experts()
    {
        Describe(Tiny).ShouldBe(
        [
            "model.embed_tokens.weight 7x6 Embedding -1 -1",
            "model.layers.0.input_layernorm.weight 6 Norm 0 -1",
            "model.layers.0.self_attn.q_proj.weight 8x6 Query 0 -1",
            "model.layers.0.self_attn.k_proj.weight 4x6 Key 0 -1",
            "model.layers.0.self_attn.v_proj.weight 4x6 Value 0 -1",
            "model.layers.0.self_attn.o_proj.weight 6x8 Output 0 -1",
            "model.layers.0.mlp.gate_proj.weight 5x6 Gate 0 -1",
            "model.layers.0.mlp.up_proj.weight 5x6 Up 0 -1",
            "model.layers.0.mlp.down_proj.weight 6x5 Down 0 -1",
            "model.norm.weight 6 Norm -1 -1",
        ]);
    }

    private static IEnumerable<string> Describe(ModelConfig config) =>
        ParameterTable.Of(config).Select(p => $"{p.Name} {string.Join('x', p.Shape)} {p.Kind} {p.Layer} {p.Expert}");
}
