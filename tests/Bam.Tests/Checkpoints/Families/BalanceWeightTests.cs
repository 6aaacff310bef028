using Bam.Checkpoints;
using Bam.Checkpoints.Families;
using Bam.Checkpoints.Opening;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints.Families;

public sealed class BalanceWeightTests
{
    [Fact]
    public void Even_routing_costs_the_same_in_both_meanings()
    {
        const int K = 2, L = 32;
        (BalanceWeight.ToBam(0.02, K, L) * L).ShouldBe(0.02 * K, 1e-15);
    }

    [Fact]
    public void A_file_that_is_read_and_written_keeps_its_number()
    {
        double[] numbers = [0.02, 0.001, 0.01, 0.1, 1e-5, 0.3, 0.0123456789, 0, 1];
        foreach (var (k, layers) in Shapes())
        {
            foreach (var number in numbers)
            {
                BalanceWeight.FromBam(BalanceWeight.ToBam(number, k, layers), k, layers)
                    .ShouldBe(number, $"{number}, k = {k}, L = {layers}");
            }
        }
    }

    [Fact]
    public void A_mixture_that_is_exported_and_read_keeps_its_number()
    {
        double[] numbers = [0.02, 0.001, 0.01, 0.1, 1e-5, 0.3, 0.0123456789, 0, 1];
        foreach (var (k, layers) in Shapes())
        {
            foreach (var number in numbers)
            {
                BalanceWeight.ToBam(BalanceWeight.FromBam(number, k, layers), k, layers)
                    .ShouldBe(number, Math.Max(number * 1e-15, double.Epsilon), $"{number}, k = {k}, L = {layers}");
            }
        }
    }

    [Fact]
    public void A_configuration_is_converted()
    {
        var config = ModelConfigReader.Load(Fixtures.HuggingFaceModel("mixtral-top2"), SilentReporter.Instance);
        config.RouterAuxLossCoef.ShouldBe(0.001);  // L = k = 2
        var deeper = File.ReadAllText(Path.Combine(Fixtures.HuggingFaceModel("mixtral-top2"), ModelConfig.FileName))
            .Replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 32", StringComparison.Ordinal);
        ModelConfigReader.Parse(deeper, "config.json", SilentReporter.Instance).RouterAuxLossCoef.ShouldBe(0.001 * 2 / 32);
    }

    private static IEnumerable<(int K, int Layers)> Shapes() =>
        from k in Enumerable.Range(1, 8) from layers in Enumerable.Range(1, 100) select (k, layers);
}
