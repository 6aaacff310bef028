using Bam.Torch;
using Bam.Training;
using Bam.Training.Optimization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Optimization;

/// <summary>Both optimizers over an arena, against the definition.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class AdamWTests
{
    private const int Count = 70_000;

    private static readonly TrainingSettings Settings = new() { LearningRate = 1e-2, WeightDecay = 0.1 };

    private static readonly ParameterRange[] Ranges =
        [.. ParameterRange.Join([new(0, 66_000, true), new(66_000, 500, false), new(67_000, 2_500, true)])];

    public AdamWTests() => LibTorch.Load();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Follows_the_definition_in_its_ranges_and_leaves_the_rest(bool byOperators)
    {
        var live = Tensor.LiveCount;
        using (var arena = new ParameterArena([("a", [Count])], Device.Cpu))
        using (AdamW optimizer = byOperators ? new OperatorAdamW(arena, Ranges) : new CpuAdamW(arena, Ranges))
        {
            var start = AdamWKernelTests.Normal("values", Count);
            start.CopyTo(arena.Values.AsSpan<float>());
            var expected = Array.ConvertAll(start, v => (double)v);
            double[] means = new double[Count], squares = new double[Count];
            for (var step = 0; step < 20; step++)
            {
                var gradients = AdamWKernelTests.Normal($"gradient {step}", Count);
                gradients.CopyTo(arena.Gradients.AsSpan<float>());
                var trained = Ranges.SelectMany(r => gradients.Skip((int)r.Offset).Take((int)r.Count));
                optimizer.GradientNorm().ShouldBe(Math.Sqrt(trained.Sum(g => (double)g * g)), 1e-6);
                optimizer.Update(Settings.UpdateOf(step, 1e-2, gradientScale: 0.25));
                foreach (var range in Ranges)
                {
                    var (from, to) = ((int)range.Offset, (int)(range.Offset + range.Count));
                    double[] v = expected[from..to], m = means[from..to], s = squares[from..to];
                    AdamWReference.Update(v, gradients[from..to], m, s, Settings, 1e-2, step, 0.25, range.Decays);
                    v.CopyTo(expected, from);
                    m.CopyTo(means, from);
                    s.CopyTo(squares, from);
                }

                arena.Gradients.ToArray<float>().ShouldAllBe(g => g == 0);
            }

            var values = arena.Values.ToArray<float>();
            for (var i = 0; i < Count; i++) ((double)values[i]).ShouldBe(expected[i], 1e-5, $"element {i}");
            values[66_500..67_000].ShouldBe(start[66_500..67_000]);
            values[69_500..].ShouldBe(start[69_500..]);
            optimizer.Means.Count.ShouldBe(69_000);
            optimizer.Means.ToArray<float>()[66_500].ShouldBe((float)means[67_000], 1e-6f);
            optimizer.MomentOffsetOf(67_001).ShouldBe(66_501);
        }

        Tensor.LiveCount.ShouldBe(live);
    }
}

public sealed class ParameterRangeTests
{
    [Fact]
    public void Ranges_that_touch_and_are_alike_become_one() =>
        ParameterRange.Join([new(10, 5, true), new(0, 10, true), new(15, 1, false), new(20, 2, false)])
            .ShouldBe([new(0, 15, true, 0), new(15, 1, false, 15), new(20, 2, false, 16)]);

    [Fact]
    public void Chunks_cover_a_range_once() =>
        new ParameterRange(100, 25, true, 50).Chunks(10)
            .ShouldBe([new(100, 10, true, 50), new(110, 10, true, 60), new(120, 5, true, 70)]);
}

/// <summary>torch.optim.AdamW as its documentation writes it, in double, one element after the other.</summary>
internal static class AdamWReference
{
    public static void Update(
        double[] values, float[] gradients, double[] means, double[] squares, TrainingSettings settings, double rate, int step,
        double scale, bool decays)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var g = gradients[i] * scale;
            if (decays) values[i] -= rate * settings.WeightDecay * values[i];
            means[i] = settings.Beta1 * means[i] + (1 - settings.Beta1) * g;
            squares[i] = settings.Beta2 * squares[i] + (1 - settings.Beta2) * g * g;
            var unbiasedMean = means[i] / (1 - Math.Pow(settings.Beta1, step + 1));
            var unbiasedSquare = squares[i] / (1 - Math.Pow(settings.Beta2, step + 1));
            values[i] -= rate * unbiasedMean / (Math.Sqrt(unbiasedSquare) + settings.Epsilon);
        }
    }
}
