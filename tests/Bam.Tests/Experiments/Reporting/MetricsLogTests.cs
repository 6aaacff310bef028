using Bam.Experiments.Reporting;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Reporting;

public sealed class MetricsLogTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Steps_become_points_and_evaluations_do_not()
    {
        var log = Load("""
            {"step":1,"tokens":100,"loss":5.5,"nll":5,"fraction_of_peak":0.4}
            {"step":1,"evaluation":{"law":{"perplexity":9}}}
            {"step":2,"tokens":200,"loss":4.5,"fraction_of_peak":0.5}
            {"step":3,"tokens":300,"nll":"NaN","fraction_of_peak":0.6}
            """);

        log.Points.ShouldBe([new(100, 5), new(200, 4.5), new(300, double.NaN)]);
        log.FractionOfPeak.ShouldBe(0.5);
        log.Routing.ShouldBeEmpty();
    }

    [Fact]
    public void A_step_that_was_repeated_after_a_resume_counts_once()
    {
        var log = Load("""
            {"step":1,"tokens":100,"nll":5}
            {"step":2,"tokens":200,"nll":9}
            {"step":2,"tokens":200,"nll":4}
            """);

        log.Points.ShouldBe([new(100, 5), new(200, 4)]);
    }

    [Fact]
    public void A_last_line_cut_by_a_kill_is_ignored() =>
        Load("{\"step\":1,\"tokens\":100,\"nll\":5}\n{\"step\":2,\"tok").Points.ShouldHaveSingleItem();

    [Fact]
    public void A_damaged_line_is_named() =>
        Should.Throw<InvalidInputException>(() => Load("{\"step\":1,\"tokens\":100,\"nll\":5}\n{\"step\":\n{}\n"))
            .Message.ShouldContain("metrics.jsonl:2: ");

    [Fact]
    public void Routing_is_the_mean_over_the_last_quarter_by_domain()
    {
        static string Step(int step, string domain, double first) =>
            $"{{\"step\":{step},\"tokens\":1,\"nll\":1,\"layers\":[{{\"by_domain\":{{\"{domain}\":{{\"expert_load\":[{first},{1 - first}]}}}}}}]}}";
        var log = Load(string.Join('\n', [
            .. Enumerable.Range(0, 9).Select(i => Step(i, "law", 0)),
            Step(9, "law", 0.25), Step(10, "law", 0.75), Step(11, "code", 1),
        ]));

        log.Routing.Keys.ShouldBe(["law", "code"], ignoreOrder: true);
        log.Routing["law"].ExpertLoad.ShouldHaveSingleItem().ShouldBe([0.5, 0.5]);
        log.Routing["code"].ExpertLoad.ShouldHaveSingleItem().ShouldBe([1, 0]);
        log.Routing["law"].AttentionGate.ShouldBeEmpty();
    }

    private MetricsLog Load(string text)
    {
        var path = Path.Combine(directory.Root, "metrics.jsonl");
        File.WriteAllText(path, text);
        return MetricsLog.Load(path);
    }
}
