using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class InspectTests
{
    [Fact]
    public void A_checkpoint_is_described()
    {
        var run = CommandLineRun.Of("inspect", Fixture("bam-attention-top2"));
        run.Status.ShouldBe(0);
        run.Output.ShouldContain("(BAM, expert KV)");
        run.Output.ShouldContain("4 heads of 8, 2 key-value heads, 4 experts, top 2, own keys and values");
        run.Output.ShouldContain("67,168, 31,328 active");
        run.Output.ShouldContain("feed-forward router");
        run.Error.ShouldBeEmpty();
    }

    [Fact]
    public void A_checkpoint_of_another_family_is_described()
    {
        var run = CommandLineRun.Of("inspect", RepositoryRoot.PathOf("tests", "fixtures", "hf", "gpt-neox-pythia"));
        run.Status.ShouldBe(0);
        run.Output.ShouldContain("(dense, family gpt_neox)");
        run.Output.ShouldContain("parallel with two norms");
        run.Output.ShouldContain("gelu without gate, biases, dense");
        run.Output.ShouldContain("LayerNorm with bias");
    }

    [Theory]
    [InlineData(
        "gemma2", "dense, window of 7 in 1 of 2 layers, scores capped at 5", "before and after the branches",
        "embeddings × 5.65685, attention scores × 0.25, logits capped at 3")]
    [InlineData(
        "qwen2-moe-sparse-step", "4 experts, top 3, weights not renormalised", "a shared expert of 16",
        "1 of 2 layers dense with 20")]
    [InlineData("smollm3-window", "window of 7 in 1 of 3 layers", "none in 1 of 3 layers")]
    [InlineData("phi3-longrope", "longrope scaling by 8")]
    public void What_is_special_in_a_family_is_said(string name, params string[] parts)
    {
        var run = CommandLineRun.Of("inspect", RepositoryRoot.PathOf("tests", "fixtures", "hf-more", name));
        run.Status.ShouldBe(0);
        foreach (var part in parts) run.Output.ShouldContain(part);
    }

    [Fact]
    public void Two_checkpoints_are_compared()
    {
        var run = CommandLineRun.Of("inspect", Fixture("bam-expert-kv"), Fixture("bam-shared-kv"));
        run.Status.ShouldBe(0);
        run.Output.ShouldContain("share_key_value");
        run.Output.ShouldContain("model.layers.0.self_attn.experts.0.k_proj.weight");

        using var json = JsonDocument.Parse(
            CommandLineRun.Of("inspect", Fixture("bam-expert-kv"), Fixture("bam-expert-kv"), "--json").Output);
        json.RootElement.GetProperty("same").GetBoolean().ShouldBeTrue();
        CommandLineRun.Of("inspect", Fixture("btx-top1"), Fixture("btx-top1")).Output.ShouldEndWith("are the same\n");
    }

    [Fact]
    public void What_is_no_checkpoint_costs_one_line()
    {
        var run = CommandLineRun.Of("inspect", "/nowhere");
        run.Status.ShouldBe(2);
        run.Error.ShouldBe(
            "bam: /nowhere: does not exist; expected a checkpoint directory with config.json and model.safetensors\n");
    }

    private static string Fixture(string name) => RepositoryRoot.PathOf("tests", "fixtures", "bam", name);
}
