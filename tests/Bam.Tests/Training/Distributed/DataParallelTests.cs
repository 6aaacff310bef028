using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Bam.Torch;
using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Distributed;

/// <summary>Data-parallel training by two processes, against one process that computes the same batches.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class DataParallelTests : IDisposable
{
    private const double Tolerance = 1e-5;

    private static readonly string Mixture = TinyRun.Mixture;
    private static readonly string Btx = TinyRun.Dense[..^1] + ", num_local_experts: 3, num_experts_per_tok: 2}";

    private readonly TinyRun run = new();

    public void Dispose() => run.Dispose();

    /// <summary>Data-parallel parts and ranks that share the experts; <c>eng/check-distributed.sh</c> names others.</summary>
    public static TheoryData<int, int> Layouts
    {
        get
        {
            var layouts = new TheoryData<int, int>();
            foreach (var layout in (Environment.GetEnvironmentVariable("BAM_LAYOUTS") ?? "2x1").Split(' '))
            {
                var sizes = Array.ConvertAll(layout.Split('x'), size => int.Parse(size, CultureInfo.InvariantCulture));
                layouts.Add(sizes[0], sizes[1]);
            }

            return layouts;
        }
    }

    [Theory, MemberData(nameof(Layouts))]
    public void Losses_and_gradients_are_those_of_one_process_and_all_ranks_have_the_same_values(int data, int experts)
    {
        var variants = Variants(experts).ToArray();
        var layout = $"\nbatch_size: {2 * data}\nparallel: {{data: {data}, experts: {experts}}}";
        string[] files = [.. variants.Select(variant => File(variant.Name, variant.More + layout, variant.Model))];
        var ranks = TrainingRanks.Results(data * experts, ["steps", .. files]);
        for (var rank = experts; rank < ranks.Length; rank++) ranks[rank].ShouldBe(ranks[rank % experts]);
        TrainingRanks.Results(data * experts, ["train", .. files]);

        foreach (var (name, model, more, _) in variants.Where(variant => !variant.IsSharded))
        {
            var alone = TrainingConfig.Load(File($"{name}-alone", $"{more}\nbatch_size: {2 * data}", model));
            var setup = RunSetup.Of(alone, SilentReporter.Instance);
            // Ranks that share the experts have no gradients of the others.
            if (experts == 1)
            {
                using var session = setup.CreateSession();
                setup.FillParameters(session.Model);
                session.Step(0);
                var expected = session.Optimizer.Means.ToArray<float>();
                foreach (var sharded in (bool[])[false, true])
                    ShouldBeClose(MeansOf(sharded ? name + "-sharded" : name, sharded ? data : 1), expected, name);
            }

            Trainer.Run(alone, new TrainerOptions { MeasurePeak = false });
            var losses = LossesOf($"{name}-alone");
            foreach (var parallel in (string[])[name, name + "-sharded"])
            {
                var found = LossesOf(parallel);
                found.Length.ShouldBe(losses.Length);
                for (var i = 0; i < losses.Length; i++)
                    found[i].ShouldBe(losses[i], BoundOf(losses[i]), $"{parallel}: number {i}");
            }
        }
    }

    [Fact]
    public void One_layout_gives_one_result_and_a_resumed_run_repeats_an_unbroken_one()
    {
        string[] layouts = ["shard_optimizer: false", "shard_optimizer: true\ngradient_accumulation: 2"];
        var files = new List<string>();
        for (var i = 0; i < layouts.Length; i++)
        {
            var more = $"{layouts[i]}\ncheckpoint_every: 4\nkeep_checkpoints: 9";
            files.AddRange(((string[])["first", "second", "broken"]).Select(name => File($"{name}-{i}", more, Mixture)));
        }

        TrainingRanks.Results(2, ["train", .. files]);
        for (var i = 0; i < layouts.Length; i++)
        {
            ShouldHoldSameBytes($"first-{i}/checkpoints/step-16", $"second-{i}/checkpoints/step-16");
            BreakAfter(8, $"broken-{i}");
        }

        TrainingRanks.Results(2, ["train", .. files.Where(file => file.Contains("broken", StringComparison.Ordinal))]);
        for (var i = 0; i < layouts.Length; i++)
        {
            ShouldHoldSameBytes($"first-{i}/checkpoints/step-16", $"broken-{i}/checkpoints/step-16");
            ShouldHoldSameBytes($"first-{i}/model", $"broken-{i}/model");
            LossesOf($"broken-{i}").ShouldBe(LossesOf($"first-{i}"));
        }
    }

    [Fact]
    public void The_load_balancing_loss_of_a_micro_batch_is_each_ranks_own()
    {
        string[] scopes = ["batch", "micro_batch"];
        TrainingRanks.Results(
            2, ["train", .. scopes.Select(scope => File(scope, $"log_every: 1\nload_balancing_over: {scope}", Mixture))]);
        // The first line: loss, nll, load_balancing, router_z of the same parameters and tokens.
        var (batch, own) = (LossesOf("batch")[..4], LossesOf("micro_batch")[..4]);
        own[1].ShouldBe(batch[1]);
        own[3].ShouldBe(batch[3]);
        Math.Abs(own[2] - batch[2]).ShouldBeGreaterThan(1e-5);
        own[0].ShouldNotBe(batch[0]);
    }

    [Fact]
    public void A_run_is_resumed_under_another_layout()
    {
        const string more = "checkpoint_every: 4\nkeep_checkpoints: 9\nlog_every: 1";
        var sharded = File("parallel", more + "\nshard_optimizer: true", Mixture);
        TrainingRanks.Results(2, "train", sharded);
        Trainer.Run(TrainingConfig.Load(File("alone", more, Mixture)), new TrainerOptions { MeasurePeak = false });
        var expected = LossesOf("alone");
        BreakAfter(8, "parallel");
        BreakAfter(8, "alone");

        var reporter = new RecordingReporter();
        Trainer.Run(TrainingConfig.Load(File("parallel", more, Mixture)), new TrainerOptions { Reporter = reporter });
        reporter.Warnings.ShouldContain(
            "the resumed run may not repeat an unbroken one bit for bit: threads 1, now "
            + $"{LibTorch.Info.Threads}; layout data 2 × experts 1, shard_optimizer, now one process");
        TrainingRanks.Results(2, "train", File("alone", more + "\nshard_optimizer: true", Mixture));
        foreach (var resumed in (string[])["parallel", "alone"])
        {
            var found = LossesOf(resumed);
            for (var i = 0; i < expected.Length; i++) found[i].ShouldBe(expected[i], BoundOf(expected[i]));
        }
    }

    [Fact]
    public void A_rank_that_is_stopped_or_killed_takes_the_others_along_and_the_run_is_resumed()
    {
        const string more = "checkpoint_every: 4\nkeep_checkpoints: 9\nevaluate_every: 10";
        var unbroken = File("unbroken", more, Mixture);
        var (stopped, killed) = (File("stopped", more, Mixture), File("killed", more, Mixture));
        TrainingRanks.Results(2, "stop", stopped).ShouldAllBe(lines => lines.Single() == "AgreedCancellationException");
        // The agreement takes the step that follows the signal.
        Directory.Exists(run["stopped/checkpoints/step-11"]).ShouldBeTrue();
        System.IO.File.ReadAllText(run["stopped/ranks/rank-1.log"]).ShouldContain("stopped after step 11 of 20");

        using (var ranks = new TrainingRanks(2, "wait", killed))
        {
            ranks.KillWhenReady(1);
            var end = ranks.Finish()[0];
            end.Status.ShouldBe(1);
            end.Error.ShouldContain("rank 1 does not respond");
            end.Error.ShouldNotContain("\n");
        }

        TrainingRanks.Results(2, "train", unbroken, stopped, killed);
        ShouldHoldSameBytes("unbroken/model", "stopped/model");
        ShouldHoldSameBytes("unbroken/model", "killed/model");
    }

    [Fact]
    public void What_is_wrong_on_one_rank_or_on_all_is_named_on_all()
    {
        File("same", "", Mixture);
        File("rank-0", "", Mixture);
        System.IO.File.WriteAllText(run["rank-1.yaml"], TinyRun.Yaml("rank-0", "data_seed: 7", Mixture, 20));
        File("missing-0", "", Mixture);
        var ranks = TrainingRanks.Results(
            2, "join",
            run["rank-RANK.yaml"], run["missing-RANK.yaml"], File("odd", "gradient_accumulation: 4", Mixture),
            File("four", "parallel: {data: 4}", Mixture), File("three", "parallel: {experts: 3}", Mixture), run["same.yaml"]);
        var different = "InvalidInputException: rank 1: expected the configuration, starting model and data of rank 0, found "
            + "others; start all processes with the same file";
        var missing = $"{run["missing-1.yaml"]}: expected a YAML file, found nothing; check the path";
        foreach (var lines in ranks)
        {
            lines[0].ShouldBe(different);
            lines[2].ShouldBe(
                "InvalidInputException: key 'batch_size': expected a multiple of gradient_accumulation 4 × 2 data-parallel "
                + "processes, found 4; correct one of the two keys, or start another number of processes");
            lines[3].ShouldBe(
                "InvalidInputException: key 'parallel': expected data × experts = 2, the processes of this run, found 4 × 1; "
                + "start as many processes by torchrun, srun or bam launch, or correct the key");
            lines[4].ShouldBe(
                "InvalidInputException: key 'parallel.experts': expected a divisor of 2, the processes of this run, found 3; "
                + "start as many processes by torchrun, srun or bam launch, or correct the key");
            lines[5].ShouldBe("done");
        }

        ranks[0][1].ShouldStartWith("ProcessGroupException: ");
        ranks[0][1].ShouldContain($"rank 1 failed: {missing}");
        ranks[1][1].ShouldBe($"InvalidInputException: {missing}");
        Directory.Exists(run["rank-0"]).ShouldBeFalse();
    }

    private static IEnumerable<(string Name, string Model, string More, bool IsSharded)> Variants(int experts)
    {
        (string Name, string Keys)[] models =
            [("dense", TinyRun.Dense), ("btx", Btx), ("bam", Mixture), ("shared", Mixture[..^1] + ", share_key_value: true}")];
        if (experts > 1)
        {
            // There is nothing to share in a dense model, and the ranks divide the experts.
            models = [.. models[1..].Select(model => (model.Name, model.Keys
                .Replace("num_attention_experts: 2", "num_attention_experts: 4", StringComparison.Ordinal)
                .Replace("num_local_experts: 3", "num_local_experts: 4", StringComparison.Ordinal)))];
        }

        foreach (var (name, keys) in models)
            foreach (var isParallel in (bool[])[true, false])
                foreach (var accumulation in (int[])[1, 2])
                    foreach (var isSharded in (bool[])[false, true])
                    {
                        yield return (
                            $"{name}-{(isParallel ? "parallel" : "sequential")}-{accumulation}{(isSharded ? "-sharded" : "")}",
                            keys[..^1] + $", parallel_block: {(isParallel ? "true" : "false")}}}",
                            $"log_every: 1\ngradient_accumulation: {accumulation}\n"
                            + $"shard_optimizer: {(isSharded ? "true" : "false")}",
                            isSharded);
                    }
    }

    /// <summary>Writes a training file of 20 steps.</summary>
    private string File(string name, string more, string model)
    {
        var path = run[$"{name}.yaml"];
        var text = TinyRun.Yaml(name, "", model, steps: 20);
        // A key that 'more' sets is there once.
        foreach (var line in (string[])["log_every: 3\n", "batch_size: 4\n"])
        {
            if (more.Contains(line.Split(' ')[0], StringComparison.Ordinal))
                text = text.Replace(line, "", StringComparison.Ordinal);
        }

        System.IO.File.WriteAllText(path, text + more);
        return path;
    }

    private void BreakAfter(int step, string name)
    {
        Directory.Delete(run[$"{name}/model"], recursive: true);
        foreach (var checkpoint in Directory.GetDirectories(run[$"{name}/checkpoints"]))
            if (CheckpointStore.StepOf(checkpoint) > step) Directory.Delete(checkpoint, recursive: true);
    }

    private float[] MeansOf(string name, int shards) =>
        [.. Enumerable.Range(0, shards).SelectMany(
            rank => MemoryMarshal.Cast<byte, float>(System.IO.File.ReadAllBytes(run[$"{name}.means-{rank}"])).ToArray())];

    private double[] LossesOf(string name) =>
    [
        .. System.IO.File.ReadLines(run[$"{name}/metrics.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.TryGetProperty("loss", out _))
            .SelectMany(line => (string[])["loss", "nll", "load_balancing", "router_z"], (line, key) => line.GetProperty(key))
            .Select(value => value.GetDouble()),
    ];

    private void ShouldHoldSameBytes(string first, string second)
    {
        foreach (var name in (string[])["model.safetensors", "optimizer.safetensors"])
        {
            var path = Path.Combine(run[first], name);
            if (!first.EndsWith("model", StringComparison.Ordinal) || System.IO.File.Exists(path))
                System.IO.File.ReadAllBytes(Path.Combine(run[second], name)).ShouldBe(System.IO.File.ReadAllBytes(path), name);
        }
    }

    // Shouldly takes a bound above 0 only; losses that a model does not have are 0.
    private static double BoundOf(double expected) => Math.Max(Math.Abs(expected) * Tolerance, double.Epsilon);

    private static void ShouldBeClose(float[] found, float[] expected, string name)
    {
        found.Length.ShouldBe(expected.Length, name);
        var largest = expected.Max(Math.Abs);
        for (var i = 0; i < found.Length; i++)
            found[i].ShouldBe(expected[i], (float)Tolerance * largest, $"{name}: gradient {i}");
    }
}
