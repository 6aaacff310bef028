namespace Bam.Experiments.Studies;

/// <summary>The same figure of several runs that differ in their seed number only.</summary>
/// <param name="Values">One for each run.</param>
internal sealed record Sample(IReadOnlyList<double> Values)
{
    /// <summary>How many there are.</summary>
    public int Count => Values.Count;

    /// <summary>The arithmetic mean; NaN of nothing.</summary>
    public double Mean => Values.Count == 0 ? double.NaN : Values.Average();

    /// <summary>The sample's standard deviation, with n - 1; NaN of fewer than two.</summary>
    public double StandardDeviation =>
        Values.Count < 2 ? double.NaN : Math.Sqrt(Values.Sum(value => (value - Mean) * (value - Mean)) / (Values.Count - 1));

    /// <summary>
    /// Half the width of the 95 % confidence interval of the mean, by Student's t with n - 1 degrees of freedom; NaN of fewer
    /// than two.
    /// </summary>
    public double HalfWidth => Values.Count < 2 ? double.NaN : StudentT.Quantile975(Values.Count - 1) * StandardDeviation / Math.Sqrt(Values.Count);

    /// <summary>The interval's lower end.</summary>
    public double Low => Mean - HalfWidth;

    /// <summary>The interval's upper end.</summary>
    public double High => Mean + HalfWidth;

    /// <summary>The differences of two samples, run by run.</summary>
    public static Sample operator -(Sample first, Sample second) => Paired(first, second, (a, b) => a - b);

    /// <summary>Both samples, run by run.</summary>
    /// <param name="first">One.</param>
    /// <param name="second">The other, of the same runs.</param>
    /// <param name="combine">What becomes of two values of one run.</param>
    public static Sample Paired(Sample first, Sample second, Func<double, double, double> combine) =>
        new([.. first.Values.Zip(second.Values, combine)]);
}
