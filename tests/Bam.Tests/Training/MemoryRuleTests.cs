using Bam.Models.Costs;
using Bam.Torch;
using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

public sealed class MemoryRuleTests : IDisposable
{
    private readonly TinyRun run = new();

    public void Dispose() => run.Dispose();

    [Fact]
    public void A_model_is_refused_just_where_the_numbers_of_its_training_do_not_fit()
    {
        var config = run.Config("run", model: TinyRun.Dense);
        var model = ModelSource.ConfigOf(config, SilentReporter.Instance);
        var (count, bytes) = (ModelSize.Of(model).Total, 16 * ModelSize.Of(model).Total);

        MemoryRule.Check(model, config, bytes);

        Should.Throw<InvalidInputException>(() => MemoryRule.Check(model, config, bytes - 1)).Message.ShouldBe(
            $"{run["train.yaml"]}:1: intermediate_size: expected a model whose training fits the "
            + $"{bytes - 1} bytes of memory here, found 48, "
            + $"which makes it {count} parameters that need {bytes} bytes with their gradients and moments; "
            + "lower it, or train on a machine with more memory");
    }

    [Fact]
    public void Frozen_parameters_have_no_moments()
    {
        var config = run.Config("run", "train_only: ['model.norm.weight']", TinyRun.Dense);
        var model = ModelSource.ConfigOf(config, SilentReporter.Instance);
        var bytes = 8 * (ModelSize.Of(model).Total + model.HiddenSize);

        MemoryRule.Check(model, config, bytes);

        Should.Throw<InvalidInputException>(() => MemoryRule.Check(model, config, bytes - 1))
            .Message.ShouldContain($"need {bytes} bytes");
    }

    [Fact]
    public void Activations_that_do_not_fit_are_a_warning_that_checkpointing_takes_away()
    {
        var (plain, lean) = (run.Config("run"), run.Config("run", "activation_checkpointing: true"));
        var model = ModelSource.ConfigOf(plain, SilentReporter.Instance);
        var settings = new CostSettings(16, 4, ScalarType.Float32) { ActivationCheckpointing = true };
        var leanBytes = TrainingMemory.Of(model, settings).Total;
        var plainBytes = TrainingMemory.Of(model, 4, 16, ScalarType.Float32).Total;

        plainBytes.ShouldBeGreaterThan(leanBytes);
        MemoryRule.WarningOf(model, plain, plainBytes).ShouldBeNull();
        MemoryRule.WarningOf(model, lean, leanBytes).ShouldBeNull();
        MemoryRule.WarningOf(model, plain, leanBytes).ShouldBe(
            $"a step of micro-batches of 4 × 16 tokens needs about {plainBytes} bytes of memory, {leanBytes} are here; "
            + "raise gradient_accumulation, or set activation_checkpointing to true");
        MemoryRule.WarningOf(model, lean, leanBytes - 1).ShouldNotBeNull().ShouldEndWith("; raise gradient_accumulation");
        MemoryRule.WarningOf(model, run.Config("run", "train_only: ['*router*']"), 1).ShouldBeNull();
    }

    [Fact]
    public void A_process_has_the_moments_of_its_shard()
    {
        var config = run.Config("run", model: TinyRun.Dense);
        var model = ModelSource.ConfigOf(config, SilentReporter.Instance);
        var bytes = 8 * (ModelSize.Of(model).Total + ModelSize.Of(model).Total / 4);

        MemoryRule.Check(model, config, bytes, shards: 4);

        Should.Throw<InvalidInputException>(() => MemoryRule.Check(model, config, bytes - 1, shards: 4))
            .Message.ShouldContain($"need {bytes} bytes");
    }

    [Fact]
    public void The_processes_of_a_machine_share_its_memory()
    {
        var config = run.Config("run", model: TinyRun.Dense);
        var model = ModelSource.ConfigOf(config, SilentReporter.Instance);
        var (count, bytes) = (ModelSize.Of(model).Total, 16 * ModelSize.Of(model).Total);

        MemoryRule.Check(model, config, 3 * bytes, local: 3);

        Should.Throw<InvalidInputException>(() => MemoryRule.Check(model, config, (3 * bytes) - 1, local: 3)).Message.ShouldBe(
            $"{run["train.yaml"]}:1: intermediate_size: expected a model whose training fits the {(3 * bytes) - 1} bytes of "
            + $"memory here, which 3 processes share, found 48, which makes it {count} parameters that need {bytes} bytes with "
            + "their gradients and moments in each process; lower it, or start fewer processes here, or train on a machine with "
            + "more memory");
    }

    [Fact]
    public void The_activations_of_all_processes_of_a_machine_count()
    {
        var config = run.Config("run");
        var model = ModelSource.ConfigOf(config, SilentReporter.Instance);
        var bytes = TrainingMemory.Of(model, 4, 16, ScalarType.Float32).Total;

        MemoryRule.WarningOf(model, config, 2 * bytes, local: 2).ShouldBeNull();
        MemoryRule.WarningOf(model, config, (2 * bytes) - 1, local: 2).ShouldNotBeNull().ShouldStartWith(
            $"a step of micro-batches of 4 × 16 tokens needs about {bytes} bytes of memory in each of 2 processes, "
            + $"{(2 * bytes) - 1} are here; ");
    }

    [Fact]
    public void A_refused_model_leaves_no_run_behind()
    {
        const string huge = "{vocab_size: 2147483647, hidden_size: 4096, intermediate_size: 48, num_hidden_layers: 1, "
            + "num_attention_heads: 2, num_key_value_heads: 2, head_dim: 16, max_position_embeddings: 64}";

        Should.Throw<InvalidInputException>(() => Trainer.Run(run.Config("run", model: huge)))
            .Message.ShouldContain(": vocab_size: expected a model whose training fits the ");

        Directory.Exists(run["run"]).ShouldBeFalse();
    }
}
