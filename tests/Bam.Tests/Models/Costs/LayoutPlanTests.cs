using Bam.Checkpoints;
using Bam.Models.Costs;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models.Costs;

/// <summary>Predictions against numbers worked out by hand from the formulas of docs/cost.md.</summary>
public sealed class LayoutPlanTests
{
    private const double Tolerance = 1e-12;

    // d 8, f 16, 2 layers, H 2, G 1, D 4, V 32, T 4.
    private static readonly ModelConfig Bam = new()
    {
        VocabSize = 32, HiddenSize = 8, IntermediateSize = 16, NumHiddenLayers = 2, NumAttentionHeads = 2, NumKeyValueHeads = 1,
        HeadDim = 4, MaxPositionEmbeddings = 16, NumAttentionExperts = 4, NumLocalExperts = 4, TieWordEmbeddings = true,
    };

    private static readonly CostSettings Settings = new(4, 8, ScalarType.Float32);

    private static readonly LayoutPlan Plan = new(new(1000, 0.5, 0, null), new(2000, 0.5, 4, null), Settings, 8);

    // By layer and token. Attention router 2·4·8; per expert queries 2·8·8, keys and values 4·8·4, scores 2·(4+1)·8, output
    // 2·8·8; feed-forward router 2·4·8, one expert 6·8·16.
    private const double Routers = 64 + 64, AttentionExpert = 128 + 128 + 80 + 128, FeedForward = 768, Head = 2 * 8 * 32;

    private const double Blocks = 2 * (Routers + 4 * AttentionExpert + FeedForward);

    // Embedding 32·8, norms 3·8, routers 2·2·32 are on every rank. Per expert and layer 64 + 2·32 + 64, and 3·128.
    private const long Replicated = 256 + 24 + 128, Expert = 2 * (64 + 64 + 64 + 384);

    // The head and the routers.
    private const long Partial = 256 + 128;

    [Fact]
    public void One_device_computes_and_waits_for_nobody()
    {
        var one = Plan.Of(Bam, new Layout(1, 1));
        one.Time.ShouldBe(new(32 * 3 * (Blocks + Head) / 1000, 0, 0, 0, 0));
        one.Traffic!.Bytes.ShouldBe(0);
        one.Efficiency.ShouldBe(1, Tolerance);
        one.TokensPerSecond.ShouldBe(1000 / (3 * (Blocks + Head)), Tolerance);
        (one.MicroBatch, one.MicroBatches).ShouldBe((8, 1));
        one.Fits.ShouldBeNull();
    }

    [Fact]
    public void Data_ranks_exchange_their_gradients_once_a_step()
    {
        var two = Plan.Of(Bam, new Layout(4, 1));
        var bytes = 2 * 3 / 4.0 * 4 * (Replicated + 4 * Expert);
        two.Traffic.ShouldBe(new(0, 0, 0, bytes));
        two.Time!.Compute.ShouldBe(8 * 3 * (Blocks + Head) / 1000, Tolerance);
        two.Time.Gradients.ShouldBe(bytes / 1000 + 6 * 0.5, Tolerance);
        two.Efficiency.ShouldBe(two.Time.Compute / two.Time.Total, Tolerance);
    }

    [Fact]
    public void A_ring_of_over_a_billion_ranks_takes_time_and_its_layouts_are_found_at_once()
    {
        var plan = Plan with { Sequences = int.MaxValue - 1, Compute = Plan.Compute with { Devices = int.MaxValue - 1 } };
        plan.Of(Bam, new Layout(int.MaxValue - 1, 1)).Time!.Gradients.ShouldBeGreaterThan(2.0 * (int.MaxValue - 2) * 0.5);
        plan.OfPossible(Bam).Select(estimate => estimate.Layout.Experts).ShouldBe([1, 2]);
        var one = Plan with { Sequences = int.MaxValue, Settings = Settings with { BatchSize = int.MaxValue } };
        one.Of(Bam, new Layout(1, 1)).MicroBatch.ShouldBe(int.MaxValue);
    }

    [Theory]
    [InlineData(1, new[] { 1 })]
    [InlineData(7, new[] { 1, 7 })]
    [InlineData(36, new[] { 1, 2, 3, 4, 6, 9, 12, 18, 36 })]
    [InlineData(int.MaxValue, new[] { 1, int.MaxValue })]
    public void Divisors_ascend(int number, int[] divisors) => Divisors.Of(number).ShouldBe(divisors);

    [Fact]
    public void Expert_ranks_add_up_each_block_forward_and_backward()
    {
        var two = Plan.Of(Bam, new Layout(2, 2));
        // 4 sequences of 4 tokens on a rank, two layers, forward and backward, and the head's input in backward; one hop there
        // and one back.
        var each = 2 * 1 / 2.0 * (16 * 8 * 4);
        var partial = 2 * 1 / 2.0 * 4 * Partial;
        two.Traffic.ShouldBe(new(5, 5 * each, partial, 2 * 1 / 2.0 * 4 * (Replicated + 2 * Expert)));
        two.Traffic!.Bytes.ShouldBe(5 * each + partial + two.Traffic.GradientBytes);
        two.Time!.ExpertSums.ShouldBe(5 * each / 1000 + 5 * 2 * 0.5, Tolerance);
        two.Time.PartialGradients.ShouldBe(partial / 1000 + 2 * 0.5, Tolerance);
        var ofRank = 2 * (Routers + 2 * AttentionExpert + FeedForward / 2) + Head / 2;
        two.Time.Compute.ShouldBe(16 * 3 * ofRank / 1000, Tolerance);

        Plan.Of(Bam with { ParallelBlock = false }, new Layout(2, 2)).Traffic!.ExpertSums.ShouldBe(9, "two sums a block");
        var btx = Bam with { ParallelBlock = false, NumAttentionExperts = 1 };
        Plan.Of(btx, new Layout(2, 2)).Traffic!.ExpertSums.ShouldBe(5, "attention is on every rank");
        var normed = Bam with { SeparateNorms = true };
        Plan.Of(normed, new Layout(2, 2)).Traffic!.ExpertSums.ShouldBe(7, "the branches have inputs of their own");
    }

    [Fact]
    public void Shared_keys_and_values_are_computed_by_every_rank()
    {
        var shared = Plan.Of(Bam with { ShareKeyValue = true }, new Layout(1, 4));
        // Queries 128, scores 80 and output 128 of one expert, the shared keys and values, a quarter of the feed-forward.
        var ofRank = 2 * (Routers + 128 + 80 + 128 + 128 + FeedForward / 4) + Head / 4;
        shared.Time!.Compute.ShouldBe(32 * 3 * ofRank / 1000, Tolerance);
        // Each rank's own experts give them a part of their gradient: 2·8·4 numbers of each layer.
        shared.Traffic!.PartialGradientBytes.ShouldBe(2 * 3 / 4.0 * 4 * (Partial + 2 * 64));
    }

    [Fact]
    public void The_head_and_a_shared_expert_are_divided_by_tokens_and_their_gradients_summed()
    {
        var model = Bam with { SharedExpertIntermediateSize = 8, TieWordEmbeddings = false };
        var plan = Plan.Of(model, new Layout(1, 2));
        const double Shared = 6 * 8 * 8;
        var ofRank = 2 * (Routers + 2 * AttentionExpert + FeedForward / 2 + Shared / 2) + Head / 2;
        plan.Time!.Compute.ShouldBe(32 * 3 * ofRank / 1000, Tolerance);
        // Per layer gate, up and down of the shared expert, and the weights of its gate; the embeddings are not the head.
        plan.Traffic!.PartialGradientBytes.ShouldBe(2 * 1 / 2.0 * 4 * (Partial + 2 * (3 * 64 + 8)));
        Plan.Of(model, new Layout(2, 1)).Traffic!.PartialGradientBytes.ShouldBe(0);
    }

    [Fact]
    public void Activation_checkpointing_repeats_the_blocks_and_their_sums()
    {
        var plan = Plan with { Settings = Settings with { ActivationCheckpointing = true } };
        var two = plan.Of(Bam, new Layout(2, 2));
        two.Traffic!.ExpertSums.ShouldBe(7);
        var blocks = 2 * (Routers + 2 * AttentionExpert + FeedForward / 2);
        two.Time!.Compute.ShouldBe(16 * (4 * blocks + 3 * Head / 2) / 1000, Tolerance);
        plan.Of(Bam, new Layout(1, 1)).Efficiency.ShouldBe(3 * (Blocks + Head) / (4 * Blocks + 3 * Head), Tolerance);
    }

    [Fact]
    public void Gradients_hide_behind_the_last_backward_pass()
    {
        var (bare, overlapped) = (Plan, Plan with { Links = new(1000, 0.5, 0.5, null) });
        var (exposed, hidden) = (bare.Of(Bam, new Layout(4, 1)).Time!, overlapped.Of(Bam, new Layout(4, 1)).Time!);
        (exposed.Gradients - hidden.Gradients).ShouldBe(Math.Min(exposed.Gradients, 0.5 * exposed.Compute * 2 / 3), Tolerance);

        var micro = overlapped with { Settings = Settings with { BatchSize = 1 } };
        var split = micro.Of(Bam, new Layout(4, 1));
        split.MicroBatches.ShouldBe(2);
        (exposed.Gradients - split.Time!.Gradients).ShouldBe(0.5 * exposed.Compute * 2 / 3 / 2, Tolerance);

        var fast = new LayoutPlan(new(1e9, 0, 1, null), Plan.Compute, Settings, 8);
        fast.Of(Bam, new Layout(4, 1)).Time!.Gradients.ShouldBe(0);
        var sharded = fast with { Settings = Settings with { ShardOptimizer = true } };
        var time = sharded.Of(Bam, new Layout(4, 1));
        time.Time!.Gradients.ShouldBe(time.Traffic!.GradientBytes / 2 / 1e9, Tolerance, "the values are sent after the update");
    }

    [Fact]
    public void A_sharded_optimizer_updates_its_part()
    {
        var plan = Plan with { Links = new(1000, 0.5, 0, 100) };
        var count = Replicated + 2 * Expert;
        plan.Of(Bam, new Layout(2, 2)).Time!.Optimizer.ShouldBe(36 * count / 100.0, Tolerance);
        (plan with { Settings = Settings with { ShardOptimizer = true } }).Of(Bam, new Layout(2, 2)).Time!.Optimizer
            .ShouldBe(18 * count / 100.0, Tolerance);
    }

    [Fact]
    public void The_micro_batch_is_the_largest_that_divides_and_fits()
    {
        var plan = Plan with { Sequences = 24, Settings = Settings with { BatchSize = 5 } };
        plan.Of(Bam, new Layout(2, 1)).ShouldSatisfyAllConditions(
            layout => layout.MicroBatch.ShouldBe(4), layout => layout.MicroBatches.ShouldBe(3));
        var ofTwo = TrainingMemory.Of(Bam, Settings with { BatchSize = 2 }, new Layout(2, 1)).Total;
        var small = plan with { Compute = plan.Compute with { MemoryBytes = ofTwo } };
        small.Of(Bam, new Layout(2, 1)).ShouldSatisfyAllConditions(
            layout => layout.MicroBatch.ShouldBe(2), layout => layout.Fits.ShouldBe(true),
            layout => layout.Memory!.Total.ShouldBe(ofTwo));
        (plan with { Compute = plan.Compute with { MemoryBytes = 1 } }).Of(Bam, new Layout(2, 1)).ShouldSatisfyAllConditions(
            layout => layout.MicroBatch.ShouldBe(1), layout => layout.Fits.ShouldBe(false));
    }

    [Fact]
    public void The_best_is_the_fastest_that_fits()
    {
        // Links so slow that data parallelism loses, and memory that only experts=4 leaves room in.
        var estimates = Plan.Of(Bam, Layout.All(4));
        estimates.Select(estimate => estimate.Layout).ShouldBe([new(4, 1), new(2, 2), new(1, 4)]);
        var fastest = estimates.MinBy(estimate => estimate.Time!.Total)!;
        estimates.Single(estimate => estimate.IsBest).ShouldBe(fastest);

        var least = estimates.MinBy(estimate => estimate.Memory!.Total)!;
        var tight = Plan with { Settings = Settings with { BatchSize = 1 } };
        var room = tight.Of(Bam, new Layout(1, 4)).Memory!.Total;
        tight = tight with { Compute = tight.Compute with { MemoryBytes = room } };
        tight.Of(Bam, Layout.All(4)).Single(estimate => estimate.Fits == true).ShouldSatisfyAllConditions(
            estimate => estimate.Layout.ShouldBe(new(1, 4)), estimate => estimate.IsBest.ShouldBeTrue());
        least.Layout.ShouldNotBe(new Layout(4, 1));
    }

    [Theory]
    [InlineData(3, 1, "8 sequences cannot be divided by data=3")]
    [InlineData(1, 3, "4 attention experts cannot be divided by experts=3")]
    [InlineData(1, 8, "4 attention experts cannot be divided by experts=8")]
    public void What_does_not_divide_is_refused(int data, int experts, string why)
    {
        var refused = Plan.Of(Bam, new Layout(data, experts));
        refused.Refusal.ShouldBe(why);
        refused.Time.ShouldBeNull();
        Plan.Of(Bam, [new Layout(data, experts)]).ShouldAllBe(estimate => !estimate.IsBest);
    }

    [Fact]
    public void A_dense_model_has_no_experts_to_share()
    {
        var dense = Bam with { NumAttentionExperts = 1, NumLocalExperts = 1 };
        new Layout(1, 2).Refusal(dense, 8).ShouldBe("a dense model has no experts to share");
        new Layout(2, 2).Refusal(dense with { NumLocalExperts = 6 }, 8).ShouldBeNull();
        new Layout(2, 4).Refusal(dense with { NumLocalExperts = 6 }, 8).ShouldBe(
            "6 feed-forward experts cannot be divided by experts=4");
    }

    [Theory]
    [InlineData("data=16,experts=4", 16, 4)]
    [InlineData("experts=2", 1, 2)]
    [InlineData("data=8", 8, 1)]
    public void A_layout_is_read(string text, int data, int experts) =>
        Layout.Parse("--layout", text).ShouldBe(new Layout(data, experts));

    [Theory]
    [InlineData("")]
    [InlineData("data")]
    [InlineData("data=0")]
    [InlineData("data=-1")]
    [InlineData("data=2,data=3")]
    [InlineData("pipeline=2")]
    [InlineData("data=2,")]
    [InlineData("data=1.5")]
    public void What_is_no_layout_is_refused(string text) =>
        Should.Throw<InvalidInputException>(() => Layout.Parse("--layout", text)).Message.ShouldBe(
            $"--layout: expected ranks such as data=16,experts=4, found '{text}'; correct it");
}
