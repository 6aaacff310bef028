using Bam.Torch.Kernels;
using Shouldly;
using Xunit;

namespace Bam.Torch.Tests.Kernels;

public sealed class RotaryTablesTests : TorchTest
{
    [Fact]
    public void They_grow_to_the_positions_that_are_asked_for_and_keep_their_values()
    {
        using var rotary = new RotaryTables(20_000, 4, 10_000, interleaved: false, Device.Cpu);

        Check(positions: 10);
        Check(positions: 4097);
        Check(positions: 20_000);
        Should.Throw<ArgumentOutOfRangeException>(() => rotary.Angles(20_001))
            .Message.ShouldContain("expected at most 20000, found 20001");

        void Check(int positions)
        {
            var (cosines, sines) = rotary.Angles(positions);
            cosines.Size(0).ShouldBeInRange(positions, 20_000);
            foreach (var t in new[] { 0, positions / 2, positions - 1 })
            {
                float[] cosinesOfT = [(float)Math.Cos(t), (float)Math.Cos(t * Math.Pow(10_000, -0.5))];
                float[] sinesOfT = [(float)Math.Sin(t), (float)Math.Sin(t * Math.Pow(10_000, -0.5))];
                cosines.AsSpan<float>().Slice(4 * t, 4).ToArray().ShouldBe([.. cosinesOfT, .. cosinesOfT]);
                sines.AsSpan<float>().Slice(4 * t, 4).ToArray().ShouldBe([-sinesOfT[0], -sinesOfT[1], .. sinesOfT]);
            }
        }
    }

    [Fact]
    public void A_context_of_more_angles_than_an_array_holds_costs_nothing_until_it_is_used()
    {
        using var rotary = new RotaryTables(100_000_000, 128, 10_000, interleaved: false, Device.Cpu);

        rotary.Angles(1).Cosines.Size(0).ShouldBeLessThan(10_000);
        Should.Throw<ArgumentOutOfRangeException>(() => rotary.Angles(100_000_000))
            .Message.ShouldContain("of 64 pairs, found 100000000");
    }

    [Fact]
    public void They_outlive_the_scope_they_were_made_and_grew_in()
    {
        RotaryTables rotary;
        using (TensorScope.Open()) rotary = new RotaryTables(10_000, 4, 10_000, interleaved: false, Device.Cpu);
        using (TensorScope.Open()) rotary.Angles(10_000);

        rotary.Angles(5000).Cosines.ToArray<float>().Length.ShouldBe(40_000);
        rotary.Angles(5000).Sines.ToArray<float>()[0].ShouldBe(0);
        rotary.Dispose();
    }
}
