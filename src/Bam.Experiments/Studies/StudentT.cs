namespace Bam.Experiments.Studies;

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

    /// <summary>The value that t stays below with probability 0.975.</summary>
    /// <param name="degreesOfFreedom">At least 1.</param>
    public static double Quantile975(int degreesOfFreedom) => degreesOfFreedom <= Quantiles.Length ? Quantiles[degreesOfFreedom - 1] : Expanded(degreesOfFreedom);

    // The expansion of Cornish and Fisher in 1/ν (Abramowitz and Stegun, 26.7.5): from 31 on it is right to six digits.
    private static double Expanded(double v)
    {
        const double Z = Normal975, Z3 = Z * Z * Z, Z5 = Z3 * Z * Z, Z7 = Z5 * Z * Z;
        return Z + ((Z3 + Z) / (4 * v)) + (((5 * Z5) + (16 * Z3) + (3 * Z)) / (96 * v * v))
            + (((3 * Z7) + (19 * Z5) + (17 * Z3) - (15 * Z)) / (384 * v * v * v));
    }
}
