using System.Numerics.Tensors;
using Bam.Models;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

public class RouterRowsTests
{
    private static readonly double[][] Means = [[3, 1, 0, 0], [3, 0, 2, 0], [5, 0, 0, 1]];

    [Fact]
    public void Each_domain_has_the_largest_logit_at_its_own_mean()
    {
        var rows = Rows();
        for (var domain = 0; domain < Means.Length; domain++)
        {
            var logits = rows.Select(row => TensorPrimitives.Dot<double>(row, Means[domain])).ToArray();
            logits.Max().ShouldBe(logits[domain]);
            logits.Sum().ShouldBe(0, 1e-5);
        }
    }

    [Fact]
    public void The_logits_have_their_size_whatever_the_inputs_have()
    {
        foreach (var scale in new[] { 1, 1e-3, 1e3 })
        {
            double[][] means = [.. Means.Select(mean => mean.Select(value => value * scale).ToArray())];
            Rows(means).Zip(means).Average(pair => TensorPrimitives.Dot<double>(pair.First, pair.Second))
                .ShouldBe(RouterRows.OwnLogit, 1e-5);
        }
    }

    [Fact]
    public void What_all_domains_share_moves_no_logit()
    {
        double[] shared = [11 / 3.0, 1 / 3.0, 2 / 3.0, 1 / 3.0];
        foreach (var row in Rows()) TensorPrimitives.Dot<double>(row, shared).ShouldBe(0, 1e-5);
    }

    [Fact]
    public void Equal_means_give_no_router()
    {
        RouterRows.Of([[1, 2], [1, 2]]).ShouldBeNull();
        RouterRows.Of([[0, 0], [0, 0]]).ShouldBeNull();
    }

    private static double[][] Rows(double[][]? means = null) =>
        [.. RouterRows.Of(means ?? Means)!.Select(value => (double)value).Chunk(4)];
}
