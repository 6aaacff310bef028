using System.Globalization;
using System.Text.Json;
using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Distributed;

/// <summary>
/// Training runs of processes that share the experts, against one process that computes the same batches. There are two, or as
/// many as BAM_TEST_RANKS says; four also share the experts by two, with data parallelism.
/// </summary>
[Collection(LibTorchCollection.Name)]
public sealed class ExpertTrainingTests : IDisposable
{
    private const double Tolerance = 1e-5;

    private static readonly string Btx = TinyRun.Dense[..^1] + ", num_local_experts: 4, num_experts_per_tok: 2}";
    private static readonly string Mixture = Btx[..^1] + ", num_attention_experts: 4}";
    private static readonly string Shared = Mixture[..^1] + ", share_key_value: true}";

    private static readonly (string Name, string Model)[] Models =
    [
        ("btx", Btx), ("bam", Mixture), ("shared", Shared), ("btx-sequential", Btx[..^1] + ", parallel_block: false}"),
        ("bam-sequential", Mixture[..^1] + ", parallel_block: false}"),
        ("shared-sequential", Shared[..^1] + ", parallel_block: false}"),
    ];

    private readonly TinyRun run = new();

    public static TheoryData<string> Layouts => Size == 4
        ? ["parallel: {experts: 4}", "parallel: {experts: 2}", "parallel: {experts: 2, data: 2}\nshard_optimizer: true"]
        : [$"parallel: {{experts: {Size}}}"];

    private static int Size =>
        int.Parse(Environment.GetEnvironmentVariable("BAM_TEST_RANKS") ?? "2", CultureInfo.InvariantCulture);

    public void Dispose() => run.Dispose();

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Losses_are_those_of_one_process(string layout)
    {
        var files = new List<string>();
        foreach (var (name, model) in Models)
        {
            Trainer.Run(TrainingConfig.Load(File($"{name}-alone", "log_every: 1", model)), Options);
            files.Add(File(name, $"log_every: 1\n{layout}", model));
        }

        TrainingRanks.Results(Size, ["train", .. files]);
        foreach (var (name, _) in Models)
        {
            var (expected, found) = (NumbersOf($"{name}-alone"), NumbersOf(name));
            found.Length.ShouldBe(expected.Length);
            for (var i = 0; i < expected.Length; i++)
                found[i].ShouldBe(expected[i], Math.Abs(expected[i]) * Tolerance, $"{name}: number {i}");
            TinyRun.Parameters(run[$"{name}/model"]).Keys.ShouldBe(TinyRun.Parameters(run[$"{name}-alone/model"]).Keys);
        }
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void A_checkpoint_does_not_depend_on_the_layout(string layout)
    {
        const string all = "checkpoint_every: 8", frozen = "checkpoint_every: 8\ntrain_only: ['*experts.1.*']";
        Trainer.Run(TrainingConfig.Load(File("alone", all, Mixture)), Options);
        Trainer.Run(TrainingConfig.Load(File("frozen-alone", frozen, Mixture)), Options);
        // The ranks read a checkpoint of one process, and write it again.
        TrainingRanks.Results(
            Size, "copy", File("alone", $"{all}\n{layout}", Mixture), File("frozen-alone", $"{frozen}\n{layout}", Mixture));
        foreach (var name in (string[])["alone", "frozen-alone"])
            foreach (var file in (string[])["config.json", "model.safetensors", "optimizer.safetensors"])
                Bytes($"{name}-copy/{file}").ShouldBe(Bytes($"{name}/checkpoints/step-8/{file}"), $"{name}: {file}");
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void A_resumed_run_repeats_an_unbroken_one_and_goes_on_under_another_layout(string layout)
    {
        const string more = "checkpoint_every: 4\nkeep_checkpoints: 9\nlog_every: 1";
        string[] files = [File("unbroken", $"{more}\n{layout}", Mixture), File("broken", $"{more}\n{layout}", Mixture)];
        TrainingRanks.Results(Size, ["train", .. files]);
        BreakAfter(8, "broken");
        TrainingRanks.Results(Size, "train", files[1]);
        foreach (var file in (string[])["model/model.safetensors", "checkpoints/step-16/optimizer.safetensors"])
            Bytes($"broken/{file}").ShouldBe(Bytes($"unbroken/{file}"), file);

        var expected = NumbersOf("unbroken");
        BreakAfter(8, "broken");
        var reporter = new RecordingReporter();
        Trainer.Run(TrainingConfig.Load(File("broken", more, Mixture)), Options with { Reporter = reporter });
        reporter.Warnings.ShouldHaveSingleItem().ShouldContain("; layout data ");
        var found = NumbersOf("broken");
        for (var i = 0; i < expected.Length; i++) found[i].ShouldBe(expected[i], Math.Abs(expected[i]) * Tolerance);
    }

    [Fact]
    public void Experts_that_cannot_be_shared_are_refused_before_anything_is_written()
    {
        var layout = $"parallel: {{experts: {Size}}}";
        var odd = TinyRun.Dense[..^1] + ", num_local_experts: 3}";
        var ranks = TrainingRanks.Results(Size, "join", File("odd", layout, odd), File("dense", layout, TinyRun.Dense));
        foreach (var lines in ranks)
        {
            lines[0].ShouldStartWith($"InvalidInputException: num_local_experts: expected a multiple of the {Size} ranks");
            lines[1].ShouldStartWith("InvalidInputException: expert parallelism: expected a model with experts for");
        }

        Directory.Exists(run["odd"]).ShouldBeFalse();
    }

    private static TrainerOptions Options => new() { MeasurePeak = false };

    /// <summary>Writes a training file of 20 steps.</summary>
    private string File(string name, string more, string model)
    {
        var path = run[$"{name}.yaml"];
        var text = TinyRun.Yaml(name, more, model, steps: 20);
        // A key that 'more' sets is there once.
        if (more.Contains("log_every", StringComparison.Ordinal))
            text = text.Replace("log_every: 3\n", "", StringComparison.Ordinal);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    private void BreakAfter(int step, string name)
    {
        Directory.Delete(run[$"{name}/model"], recursive: true);
        foreach (var checkpoint in Directory.GetDirectories(run[$"{name}/checkpoints"]))
            if (CheckpointStore.StepOf(checkpoint) > step) Directory.Delete(checkpoint, recursive: true);
    }

    private byte[] Bytes(string file) => System.IO.File.ReadAllBytes(run[file]);

    private double[] NumbersOf(string name) =>
    [
        .. System.IO.File.ReadLines(run[$"{name}/metrics.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.TryGetProperty("loss", out _))
            .SelectMany(
                line => (string[])["loss", "nll", "load_balancing", "router_z", "gradient_norm"],
                (line, key) => line.GetProperty(key).GetDouble()),
    ];
}
