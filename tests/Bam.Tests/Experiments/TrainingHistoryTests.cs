using Bam.Evaluation;
using Bam.Experiments.Findings;
using Bam.Training.Metrics;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments;

public sealed class TrainingHistoryTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Few_lines_stay_as_they_are()
    {
        var history = Write(3, step => 3 - step);

        history.Loss.ShouldBe([new(100, 0.5, 2), new(200, 1, 1), new(300, 1.5, 0)]);
        history.Routing.Select(moment => moment.Tokens).ShouldBe([100, 200, 300]);
    }

    [Fact]
    public void Many_lines_become_means_of_their_parts()
    {
        var history = Write(400, step => step);

        history.Loss.Count.ShouldBe(TrainingHistory.MostLossPoints);
        history.Loss[0].ShouldBe(new LossMoment(1000, 5, 5.5));
        history.Loss[^1].ShouldBe(new LossMoment(40_000, 200, 395.5));
        history.Routing.Count.ShouldBe(TrainingHistory.MostRoutingPoints);
        history.Routing[0].Layers.ShouldHaveSingleItem().ExpertLoad.ShouldBe([0.25, 0.75]);
        history.Routing[0].Layers[0].GateEntropy.ShouldBe(25.5);
    }

    [Fact]
    public void A_domain_counts_at_the_moments_at_which_it_came_by()
    {
        var routing = Write(80, step => step).Routing[0].Layers[0].ByDomain!;

        // Of the first ten lines every second one has the domain.
        routing["law"].AttentionGate.ShouldBe([6, 1]);
    }

    [Fact]
    public void Evaluations_stand_at_the_tokens_trained_on() =>
        Write(3, step => step).HeldOut.ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            moment => moment.Tokens.ShouldBe(200), moment => moment.Perplexity["law"].ShouldBe(30.1235));

    [Fact]
    public void Evaluations_may_come_before_and_between_the_logged_steps()
    {
        var path = directory["metrics.jsonl"];
        using (var sink = new JsonlMetrics(path, step: 0))
        {
            foreach (var step in new[] { 1, 2, 4, 5 })
            {
                if (step is 2 or 5) sink.Write(Logged(step, 1));
                if (step is 1 or 4) sink.Write(Evaluated(step, perplexity: 30));
            }
        }

        TrainingHistory.Of(MetricsLog.Load(path)).HeldOut.Select(moment => moment.Tokens).ShouldBe([100, 400]);
    }

    private TrainingHistory Write(int steps, Func<int, double> nll)
    {
        var path = directory["metrics.jsonl"];
        using (var sink = new JsonlMetrics(path, step: 0))
        {
            for (var step = 1; step <= steps; step++)
            {
                sink.Write(Logged(step, nll(step)));
                if (step == 2) sink.Write(Evaluated(step, perplexity: 30.123456));
            }
        }

        return TrainingHistory.Of(MetricsLog.Load(path));
    }

    private static EvaluationMetrics Evaluated(int step, double perplexity) =>
        new(step, new Dictionary<string, DomainEvaluation> { ["law"] = new(perplexity, 3.4, 1.5, 100) });

    private static StepMetrics Logged(int step, double nll) => new()
    {
        Step = step, Tokens = step * 100, Loss = 9, Nll = nll, LoadBalancing = 1, RouterZ = 1, LearningRate = 1, GradientNorm = 1,
        TokensPerSecond = 1, CoreSeconds = step * 0.5, Layers = [Layer(step)],
    };

    private static LayerMetrics Layer(int step) => new()
    {
        ExpertLoad = [0.25, 0.75],
        AttentionGate = [0.5, 0.5],
        GateEntropy = step,
        RouterEntropy = 1,
        ByDomain = step % 2 == 0 ? new Dictionary<string, DomainRouting> { ["law"] = new() { AttentionGate = [step, 1] } } : [],
    };
}
