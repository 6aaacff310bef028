using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

public sealed class MixtralBalancingTests : IDisposable
{
    private readonly CaseFiles files = new(null);

    public void Dispose() => files.Dispose();

    [Fact]
    public void The_loss_has_the_coefficient_in_Bams_meaning()
    {
        var model = FixtureModel.DirectoryOf("mixtral-top2");
        var output = files["out.safetensors"];
        CommandLineRun.Of(
            "forward", model, "--input", Path.Combine(model, "expected.safetensors"), "--output", output).Status.ShouldBe(0);
        var balancing = FixtureModel.Read(output, "load_balancing");
        balancing.ShouldBe([1.01586f, 1.12306f], 1e-4f);
        var auxiliary = FixtureModel.Read(output, "loss")[0] - FixtureModel.Read(output, "nll").Average();
        auxiliary.ShouldBe(0.001f * balancing.Sum(), 2e-6f);  // k / L = 1
    }

    [Fact]
    public void A_mixture_is_written_with_transformers_coefficient_and_read_with_Bams()
    {
        var llama = FixtureModel.DirectoryOf("llama-gqa");
        var mixture = files["mixture"];
        var run = CommandLineRun.Of(
            "mix", "btx", "--seed", llama, "--expert", llama, "--expert", llama, "--top-k", "3", "--norm-topk", "--format",
            "mixtral", "--output", mixture);
        run.Status.ShouldBe(0, run.Error);
        run.Error.ShouldContain(
            "router_z_loss_coef = 0.001: transformers trains Mixtral without a z-loss; Bam reads the key back");
        CoefficientOf(File.ReadAllText(Path.Combine(mixture, "config.json"))).ShouldBe(0.01 * 2 / 3, 1e-16);

        var again = files["again"];
        run = CommandLineRun.Of("export", mixture, "--format", "mixtral", "--output", again);
        run.Status.ShouldBe(0, run.Error);
        CoefficientOf(File.ReadAllText(Path.Combine(again, "config.json")))
            .ShouldBe(CoefficientOf(File.ReadAllText(Path.Combine(mixture, "config.json"))));

        CommandLineRun.Of("export", mixture, "--format", "hf", "--output", files["own"]).Status.ShouldBe(0);
        CoefficientOf(File.ReadAllText(files["own/config.json"])).ShouldBe(0.01);
    }

    private static double CoefficientOf(string config) => JsonNode.Parse(config)!["router_aux_loss_coef"]!.GetValue<double>();
}
