using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class EvalLatencyTests
{
    private static readonly string Dense = Fixture("dense-parallel");
    private static readonly string Mixture = Fixture("bam-expert-kv");

    [Fact]
    public void Checkpoints_and_configurations_make_a_table()
    {
        var config = Path.Combine(Fixture("bam-shared-kv"), "config.json");
        var run = CommandLineRun.Of(
            "eval", "latency", Dense, Mixture, config, "--prompt-tokens", "20", "--new-tokens", "3", "--runs", "2");
        run.ShouldBeDone();
        run.Output.ShouldContain("3 tokens after a prompt of 20: seconds, median of 2 runs (fastest–slowest)");
        run.Output.ShouldContain("× first");
        foreach (var model in new[] { Dense, Mixture, config }) run.Output.ShouldContain(model);
    }

    [Fact]
    public void Json_has_every_figure()
    {
        var run = CommandLineRun.Of(
            "eval", "latency", Dense, Mixture, "--prompt-tokens", "20", "--new-tokens", "3", "--runs", "2", "--json");
        using var json = JsonDocument.Parse(run.Output);
        json.RootElement.GetProperty("options").GetProperty("runs").GetInt32().ShouldBe(2);
        var (dense, mixture) = (json.RootElement.GetProperty("models")[0], json.RootElement.GetProperty("models")[1]);
        dense.GetProperty("times_first").GetDouble().ShouldBe(1);
        foreach (var figure in new[] { "prefill", "decode", "total" })
            mixture.GetProperty("latency").GetProperty(figure).GetProperty("median").GetDouble().ShouldBeGreaterThan(0);
        mixture.GetProperty("latency").GetProperty("cache_bytes").GetInt64()
            .ShouldBe(4 * dense.GetProperty("latency").GetProperty("cache_bytes").GetInt64());
    }

    [Theory]
    [InlineData("runs: expected at least 1", "--runs", "0")]
    [InlineData("prompt-tokens and new-tokens: expected at most 128 together", "--prompt-tokens", "120")]
    public void A_wrong_request_costs_one_line(string message, params string[] options)
    {
        var run = CommandLineRun.Of(["eval", "latency", Dense, .. options]);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldStartWith($"bam: {message}");
    }

    private static string Fixture(string name) => RepositoryRoot.PathOf("tests", "fixtures", "bam", name);
}
