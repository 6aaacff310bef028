namespace Bam.Experiments.Studies;

/// <summary>The quantiles of Student's t that two-sided 95 % intervals need.</summary>
internal static class StudentT
{
    // Degrees of freedom 1 to 30; any table of the distribution.
    private static readonly double[] Quantiles =
    [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
        2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
        2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];

    /// <summary>The value that t stays below with probability 0.975.</summary>
    /// <param name="degreesOfFreedom">At least 1; beyond 30 the normal distribution's value is used.</param>
    public static double Quantile975(int degreesOfFreedom) => degreesOfFreedom <= Quantiles.Length ? Quantiles[degreesOfFreedom - 1] : 1.960;
}
