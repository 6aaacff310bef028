using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

[Collection(LibTorchCollection.Name)]
public sealed class RoutingStatisticsTests
{
    [Fact]
    public void Shares_sum_to_one_and_domains_are_told_apart()
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Bam);
        var statistics = new RoutingStatistics(model.Config, domains: 3);
        statistics.BeginBatch([0, 2, 0]);
        var ids = TinyModels.Ids(3, 16);
        using (NoGrad.Enter()) model.Loss(ids, ids, statistics);

        var layer = statistics.Layers[1];
        layer.ExpertLoad()!.Sum().ShouldBe(1, 1e-9);
        layer.AttentionGate()!.Sum().ShouldBe(1, 1e-9);
        layer.ExpertLoad(1).ShouldBeNull();
        layer.AttentionGate(2)!.Sum().ShouldBe(1, 1e-9);
        layer.AttentionGate(0).ShouldNotBe(layer.AttentionGate(2));
        layer.GateEntropy.ShouldBeInRange(0.5, Math.Log(3));
        layer.RouterEntropy.ShouldBeInRange(0.5, Math.Log(3));
    }

    [Fact]
    public void Load_counts_assignments()
    {
        var tally = new DomainTally(domains: 2, experts: 3);
        tally.AddChoices([0, 0, 2, 1], [0, 1]);
        tally.Mean(0).ShouldBe([1, 0, 0]);
        tally.Mean(1).ShouldBe([0, 0.5, 0.5]);
        tally.Mean(null).ShouldBe([0.5, 0.25, 0.25]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Dispatch_is_stable_and_invertible(bool byOperators)
    {
        LibTorch.Load();
        using var scope = TensorScope.Open();
        long[] chosen = [2, 0, 0, 2, 1, 2];
        var dispatch = byOperators
            ? ExpertDispatch.SortByOperators(Tensor.From<long>(chosen), experts: 4, expertsPerToken: 2)
            : ExpertDispatch.Sort(chosen, experts: 4, expertsPerToken: 2, Device.Cpu);
        dispatch.Counts.ShouldBe([2, 1, 3, 0]);
        dispatch.Shares.ToArray<float>().ShouldBe([2 / 6f, 1 / 6f, 3 / 6f, 0], tolerance: 1e-7);
        dispatch.Order.ToArray<long>().ShouldBe([1, 2, 4, 0, 3, 5]);
        dispatch.Tokens.ToArray<long>().ShouldBe([0, 1, 2, 0, 1, 2]);
        dispatch.Places.ToArray<long>().ShouldBe([3, 0, 1, 4, 2, 5]);
    }
}
