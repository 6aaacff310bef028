using Bam.Training;
using Bam.Training.Optimization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Optimization;

public sealed class AdamWKernelTests
{
    private static readonly TrainingSettings Settings =
        new() { LearningRate = 1e-2, WeightDecay = 0.1, Beta1 = 0.9, Beta2 = 0.95, Epsilon = 1e-8 };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Many_steps_follow_the_definition(bool decays)
    {
        const int count = 37;
        var values = Normal("values", count);
        var expected = Array.ConvertAll(values, v => (double)v);
        float[] means = new float[count], squares = new float[count];
        double[] expectedMeans = new double[count], expectedSquares = new double[count];
        for (var step = 0; step < 500; step++)
        {
            var gradients = Normal($"gradient {step}", count);
            var rate = 1e-2 / (1 + step);
            AdamWReference.Update(expected, gradients, expectedMeans, expectedSquares, Settings, rate, step, scale: 0.5, decays);
            AdamWKernel.Update(values, gradients, means, squares, Settings.UpdateOf(step, rate, gradientScale: 0.5), decays);
            gradients.ShouldAllBe(g => g == 0);
        }

        for (var i = 0; i < count; i++)
        {
            ((double)values[i]).ShouldBe(expected[i], 1e-5);
            ((double)means[i]).ShouldBe(expectedMeans[i], 1e-6);
            ((double)squares[i]).ShouldBe(expectedSquares[i], 1e-6);
        }
    }

    [Fact]
    public void Where_a_span_is_cut_does_not_change_a_bit()
    {
        const int count = 29;
        float[] whole = Normal("values", count), cut = [.. whole];
        float[] wholeMeans = Normal("means", count), cutMeans = [.. wholeMeans];
        float[] wholeSquares = Array.ConvertAll(Normal("squares", count), MathF.Abs), cutSquares = [.. wholeSquares];
        var step = Settings.UpdateOf(3, 1e-3, 0.7);
        AdamWKernel.Update(whole, Normal("g", count), wholeMeans, wholeSquares, step, decays: true);
        var gradients = Normal("g", count);
        foreach (var (start, length) in new[] { (0, 3), (3, 8), (11, 18) })
            AdamWKernel.Update(
                cut.AsSpan(start, length), gradients.AsSpan(start, length), cutMeans.AsSpan(start, length),
                cutSquares.AsSpan(start, length), step, decays: true);
        cut.ShouldBe(whole);
        cutMeans.ShouldBe(wholeMeans);
        cutSquares.ShouldBe(wholeSquares);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(1000)]
    public void The_sum_of_squares_is_that_of_doubles(int count)
    {
        var gradients = Normal("g", count);
        AdamWKernel.SumOfSquares(gradients).ShouldBe(gradients.Sum(g => (double)g * g), 1e-9);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_shows_in_the_sum()
    {
        double.IsNaN(AdamWKernel.SumOfSquares([1, float.NaN, .. new float[20]])).ShouldBeTrue();
        AdamWKernel.SumOfSquares([.. new float[20], float.NegativeInfinity]).ShouldBe(double.PositiveInfinity);
        double.IsFinite(AdamWKernel.SumOfSquares([float.MaxValue, .. new float[20]])).ShouldBeTrue();
    }

    internal static float[] Normal(string name, int count)
    {
        var values = new float[count];
        new RandomStream(7, name).FillNormal(values, 1);
        return values;
    }
}
