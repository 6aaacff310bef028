namespace Bam.Experiments.Studies;

/// <summary>The same figure of several runs that differ in their seed number only, a value for each run.</summary>
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
    public double HalfWidth =>
        Values.Count < 2 ? double.NaN : StudentT.Quantile975(Values.Count - 1) * StandardDeviation / Math.Sqrt(Values.Count);

    /// <summary>The interval's lower end.</summary>
    public double Low => Mean - HalfWidth;

    /// <summary>The interval's upper end.</summary>
    public double High => Mean + HalfWidth;

    /// <summary>The differences of two samples, run by run.</summary>
    public static Sample operator -(Sample first, Sample second) => Paired(first, second, (a, b) => a - b);

    /// <summary>Combines the values of two samples of the same runs, run by run.</summary>
    public static Sample Paired(Sample first, Sample second, Func<double, double, double> combine) =>
        new([.. first.Values.Zip(second.Values, combine)]);
}

/// <summary>The quantiles of Student's t that two-sided 95 % intervals need.</summary>
internal static class StudentT
{
    /// <summary>The same quantile of the normal distribution.</summary>
    public const double Normal975 = 1.959964;

    // Degrees of freedom 1 to 30; any table of the distribution.
    private static readonly double[] Quantiles =
    [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
        2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
        2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];

    /// <summary>The value that t stays below with probability 0.975, for at least one degree of freedom.</summary>
    public static double Quantile975(int degreesOfFreedom) =>
        degreesOfFreedom <= Quantiles.Length ? Quantiles[degreesOfFreedom - 1] : Expanded(degreesOfFreedom);

    // The expansion of Cornish and Fisher in 1/ν (Abramowitz and Stegun, 26.7.5): from 31 on it is right to six digits.
    private static double Expanded(double v)
    {
        const double Z = Normal975, Z3 = Z * Z * Z, Z5 = Z3 * Z * Z, Z7 = Z5 * Z * Z;
        return Z + ((Z3 + Z) / (4 * v)) + (((5 * Z5) + (16 * Z3) + (3 * Z)) / (96 * v * v))
            + (((3 * Z7) + (19 * Z5) + (17 * Z3) - (15 * Z)) / (384 * v * v * v));
    }
}
