using Bam.Evaluation;
using Bam.Experiments.Findings;
using Bam.Training.Metrics;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Reporting;

public sealed class MetricsLogTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    private string LogPath => directory["metrics.jsonl"];

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Steps_and_evaluations_are_told_apart()
    {
        using (var sink = new JsonlMetrics(LogPath, step: 0))
        {
            sink.Write(Step(1, nll: 5, peak: 0.4));
            sink.Write(new EvaluationMetrics(1, new Dictionary<string, DomainEvaluation>()));
            sink.Write(Step(2, nll: 4.5, peak: 0.5));
            sink.Write(Step(3, nll: 4.25, peak: 0.6));
        }

        var log = MetricsLog.Load(LogPath);

        log.Steps.Select(step => (step.Tokens, step.Nll)).ShouldBe([(100, 5), (200, 4.5), (300, 4.25)]);
        log.Evaluations.ShouldHaveSingleItem().Step.ShouldBe(1);
        log.FractionOfPeak.ShouldBe(0.5);
    }

    [Theory]
    [InlineData("{\"step\":")]
    [InlineData("{\"step\":2}")]
    [InlineData("7")]
    [InlineData("null")]
    [InlineData("{\"step\":2,\"evaluation\":{\"law\":null}}")]
    [InlineData("{\"step\":2,\"evaluation\":null}")]
    [InlineData(
        "{\"step\":0,\"tokens\":0,\"loss\":1,\"nll\":1,\"load_balancing\":1,\"router_z\":1,\"learning_rate\":1,"
        + "\"gradient_norm\":1,\"tokens_per_second\":1,\"core_seconds\":1}")]
    [InlineData(
        "{\"step\":2,\"tokens\":2,\"loss\":1e999,\"nll\":1,\"load_balancing\":1,\"router_z\":1,\"learning_rate\":1,"
        + "\"gradient_norm\":1,\"tokens_per_second\":1,\"core_seconds\":1}")]
    [InlineData(
        "{\"step\":2,\"tokens\":2,\"loss\":1,\"nll\":1,\"load_balancing\":1,\"router_z\":1,\"learning_rate\":1,"
        + "\"gradient_norm\":1,\"tokens_per_second\":1,\"core_seconds\":1,\"layers\":[{\"expert_load\":[1]}]}")]
    public void A_damaged_line_is_named(string line)
    {
        using (var sink = new JsonlMetrics(LogPath, step: 0)) sink.Write(Step(1, nll: 5));
        File.AppendAllText(LogPath, line + "\n");

        Should.Throw<InvalidInputException>(() => MetricsLog.Load(LogPath)).Message.ShouldStartWith($"{LogPath}:2: ");
    }

    [Fact]
    public void Without_a_measured_peak_there_is_no_fraction_of_it()
    {
        using (var sink = new JsonlMetrics(LogPath, step: 0)) sink.Write(Step(1));

        MetricsLog.Load(LogPath).FractionOfPeak.ShouldBeNull();
    }

    private static StepMetrics Step(long step, double nll = 1, double? peak = null) => new()
    {
        Step = step,
        Tokens = 100 * step,
        Loss = nll + 0.5,
        Nll = nll,
        LoadBalancing = 1,
        RouterZ = 1,
        LearningRate = 1e-3,
        GradientNorm = 1,
        TokensPerSecond = 1,
        FractionOfPeak = peak,
        CoreSeconds = 1,
    };
}
