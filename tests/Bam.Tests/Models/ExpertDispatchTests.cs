using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

/// <summary>The parts of a dispatch that ranks have, each some of the experts, make up the whole.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class ExpertDispatchTests
{
    // Expert 1 of the second case and both experts of the third case's second part get no token.
    public static TheoryData<long[]> Choices => new([2, 0, 0, 3, 1, 2], [2, 0, 0, 3, 3, 2], [1, 0, 0, 1, 1, 0]);

    [Theory]
    [MemberData(nameof(Choices))]
    public void Results_of_the_parts_add_up(long[] chosen)
    {
        LibTorch.Load();
        var live = Tensor.LiveCount;
        using (TensorScope.Open())
        {
            var whole = Compute(chosen, [new ExpertRange(0, 4)]);
            var parts = Compute(chosen, [new ExpertRange(0, 2), new ExpertRange(2, 2)]);
            foreach (var (expected, found) in whole.Zip(parts))
                found.ToArray<float>().ShouldBe(expected.ToArray<float>(), tolerance: 1e-6);
        }

        Tensor.LiveCount.ShouldBe(live);
    }

    [Fact]
    public void A_part_has_its_own_places()
    {
        LibTorch.Load();
        using var scope = TensorScope.Open();
        var dispatch = ExpertDispatch.Sort([2, 0, 0, 2, 1, 2], experts: 4, expertsPerToken: 2, Device.Cpu)
            .Of(new ExpertRange(1, 2));
        dispatch.Counts.ShouldBe([1, 3]);
        dispatch.Order.ToArray<long>().ShouldBe([4, 0, 3, 5]);
        dispatch.Tokens.ToArray<long>().ShouldBe([2, 0, 1, 2]);
        dispatch.Places.ToArray<long>().ShouldBe([1, 4, 4, 2, 0, 3]);
        // Shares are those of all assignments.
        dispatch.Shares.ToArray<float>().ShouldBe([2 / 6f, 1 / 6f, 3 / 6f, 0], tolerance: 1e-7);
    }

    // Expert i multiplies by i + 1: the sum of the results, and its gradients in tokens and weights.
    private static Tensor[] Compute(long[] chosen, ExpertRange[] parts)
    {
        var tokens = Leaf([3, 2], 1);
        var weights = Leaf([3, 2], 2);
        Tensor? sum = null;
        foreach (var part in parts)
        {
            var dispatch = ExpertDispatch.Sort(chosen, experts: 4, expertsPerToken: 2, Device.Cpu).Of(part);
            var results = dispatch.Map(dispatch.Gather(tokens), (rows, expert) => rows * (part.First + expert + 1));
            var combined = dispatch.Combine(results, weights);
            combined.RequiresGrad.ShouldBeTrue();
            sum = sum is null ? combined : sum + combined;
        }

        var gradients = Autograd.Gradients((sum! * Leaf([3, 2], 3).Detach()).Sum(), tokens, weights);
        return [sum!, .. gradients.OfType<Tensor>()];
    }

    private static Tensor Leaf(long[] shape, int seed)
    {
        var random = new Random(seed);
        var values = Enumerable.Range(0, (int)(shape[0] * shape[1])).Select(_ => random.NextSingle());
        var leaf = Tensor.From<float>([.. values], shape);
        leaf.RequiresGrad = true;
        return leaf;
    }
}
