using System.Text.Json;
using Bam.Evaluation;
using Bam.Tests.Files;
using Bam.Training.Metrics;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Metrics;

public sealed class JsonlMetricsTests : IDisposable
{
    private static readonly JsonSerializerOptions SnakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly TemporaryDirectory directory = new();

    private string FilePath => directory["metrics.jsonl"];

    [Fact]
    public void Writes_one_object_a_line_with_the_fields_of_the_format()
    {
        using (var metrics = new JsonlMetrics(FilePath, 0))
        {
            metrics.Write(Step(1) with
            {
                Layers =
                [
                    new LayerMetrics
                    {
                        ExpertLoad = [0.25, 0.75], AttentionGate = [0.5, 0.5], GateEntropy = 0.5, RouterEntropy = 0.25,
                        ByDomain = new Dictionary<string, DomainRouting> { ["law"] = new() { ExpertLoad = [1, 0] } },
                    },
                ],
            });
            metrics.Write(new EvaluationMetrics(1, new Dictionary<string, DomainEvaluation> { ["law"] = new(8, 2.5, 1.5, 100) }));
        }

        File.ReadAllLines(FilePath).ShouldBe(
        [
            """{"step":1,"tokens":10,"loss":2,"nll":1.5,"load_balancing":1,"router_z":3,"learning_rate":"""
            + """0.001,"gradient_norm":4,"tokens_per_second":100,"core_seconds":0.25,"layers":"""
            + """[{"expert_load":[0.25,0.75],"attention_gate":[0.5,0.5],"gate_entropy":0.5,"router_entropy":"""
            + """0.25,"by_domain":{"law":{"expert_load":[1,0]}}}]}""",
            """{"step":1,"evaluation":{"law":{"perplexity":8,"nll":2.5,"bits_per_byte":1.5,"tokens":100}}}""",
        ]);
    }

    [Fact]
    public void A_perplexity_that_overflows_is_written_by_its_name_and_read_back()
    {
        var evaluation = new DomainEvaluation(Math.Exp(800), 800, null, 10);
        using (var metrics = new JsonlMetrics(FilePath, 0))
            metrics.Write(new EvaluationMetrics(1, new Dictionary<string, DomainEvaluation> { ["law"] = evaluation }));
        var line = File.ReadAllText(FilePath);
        line.ShouldBe("""{"step":1,"evaluation":{"law":{"perplexity":"Infinity","nll":800,"tokens":10}}}""" + "\n");
        JsonSerializer.Deserialize<EvaluationMetrics>(line, SnakeCase)!.Evaluation["law"].ShouldBe(evaluation);
    }

    [SkippableFact]
    public void A_full_disk_is_said_once()
    {
        using var disk = SmallDisk.TryMount(kilobytes: 64, out var whyNot);
        Skip.If(disk is null, whyNot);
        var metrics = new JsonlMetrics(Path.Combine(disk.Root, "metrics.jsonl"), 0);
        disk.Fill();
        Should.Throw<WorkFailedException>(() =>
        {
            for (var step = 1; step < 1000; step++) metrics.Write(Step(step));
        }).Message.ShouldEndWith("metrics.jsonl: cannot be written (the disk is full)");
        Should.NotThrow(metrics.Dispose);
    }

    [Fact]
    public void What_the_system_says_is_said_as_everywhere() =>
        Should.Throw<WorkFailedException>(() => new JsonlMetrics(directory["gone/metrics.jsonl"], 0)).Message
            .ShouldBe(
                $"{directory["gone/metrics.jsonl"]}: cannot be written (Could not find a part of the path "
                + $"'{directory["gone/metrics.jsonl"]}')");

    [Fact]
    public void One_damaged_line_is_one()
    {
        var reporter = new RecordingReporter();
        File.WriteAllText(FilePath, "{\"step\":1}\ndamage\n{\"step\":2}\n");

        using (new JsonlMetrics(FilePath, 2, reporter: reporter))
            reporter.Warnings.ShouldBe([$"{FilePath}: line 2 is not metrics and is removed"]);

        Steps().ShouldBe([1, 2]);
    }

    [Fact]
    public void Going_on_drops_the_lines_after_the_checkpoint()
    {
        WriteSteps(0, 1, 2, 3, 4);
        WriteSteps(2, 3, 4, 5);
        Steps().ShouldBe([1, 2, 3, 4, 5]);
    }

    [Fact]
    public void They_are_gone_before_the_first_new_line()
    {
        WriteSteps(0, 1, 2, 3, 4);
        WriteSteps(2);
        Steps().ShouldBe([1, 2]);
    }

    [Fact]
    public void An_evaluation_that_is_due_again_is_dropped()
    {
        using (var metrics = new JsonlMetrics(FilePath, 0))
        {
            metrics.Write(Step(1));
            metrics.Write(new EvaluationMetrics(1, new Dictionary<string, DomainEvaluation>()));
        }

        WriteSteps(1);
        Steps().ShouldBe([1, 1]);
        new JsonlMetrics(FilePath, 1, evaluationIsDue: true).Dispose();
        Steps().ShouldBe([1]);
    }

    [Fact]
    public void Going_on_drops_a_line_that_was_cut_short()
    {
        WriteSteps(0, 1, 2);
        File.AppendAllText(FilePath, """{"step":3,"tok""");
        WriteSteps(3, 4);
        Steps().ShouldBe([1, 2, 4]);
    }

    [Fact]
    public void A_whole_object_without_its_line_end_is_dropped_too()
    {
        WriteSteps(0, 1);
        File.AppendAllText(FilePath, """{"step":2}""");
        WriteSteps(2, 3);
        Steps().ShouldBe([1, 3]);
    }

    [Fact]
    public void What_was_written_can_be_read_at_once()
    {
        using var metrics = new JsonlMetrics(FilePath, 0);
        metrics.Write(Step(1));
        using var reader = new StreamReader(new FileStream(FilePath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        reader.ReadLine().ShouldNotBeNull();
    }

    public void Dispose() => directory.Dispose();

    internal static StepMetrics Step(long step) => new()
    {
        Step = step, Tokens = 10 * step, Loss = 2, Nll = 1.5, LoadBalancing = 1, RouterZ = 3, LearningRate = 0.001,
        GradientNorm = 4,
        TokensPerSecond = 100, CoreSeconds = 0.25,
    };

    private void WriteSteps(long from, params long[] steps)
    {
        using var metrics = new JsonlMetrics(FilePath, from);
        foreach (var step in steps) metrics.Write(Step(step));
    }

    private long[] Steps() =>
        [.. File.ReadAllLines(FilePath).Select(l => JsonDocument.Parse(l).RootElement.GetProperty("step").GetInt64())];
}
