namespace Bam.Experiments.Studies;

/// <summary>Pearson's correlation of two figures with its 95 % interval.</summary>
/// <param name="Count">The pairs.</param>
/// <param name="Coefficient">−1 to 1; NaN of fewer than three pairs, or when one figure does not vary.</param>
/// <param name="Low">The interval's lower end by Fisher's z; NaN of fewer than four pairs.</param>
/// <param name="High">The upper end.</param>
internal sealed record Correlation(int Count, double Coefficient, double Low, double High)
{
    private const int FewestPairs = 3;

    // Figures are kept to four decimals: what varies less than that is rounding.
    private const double LeastVariance = 1e-12;

    /// <summary>Correlates the pairs of which both values are finite.</summary>
    public static Correlation Of(IEnumerable<(double X, double Y)> pairs)
    {
        var finite = pairs.Where(pair => double.IsFinite(pair.X) && double.IsFinite(pair.Y)).ToList();
        var r = finite.Count < FewestPairs ? double.NaN : Pearson(finite);
        if (finite.Count <= FewestPairs || double.IsNaN(r)) return new(finite.Count, r, double.NaN, double.NaN);
        // arctanh r is about normal, with the variance 1 / (n - 3) (Fisher 1915).
        var (z, reach) = (Math.Atanh(r), StudentT.Normal975 / Math.Sqrt(finite.Count - FewestPairs));
        return new(finite.Count, r, Math.Tanh(z - reach), Math.Tanh(z + reach));
    }

    private static double Pearson(List<(double X, double Y)> pairs)
    {
        var (meanX, meanY) = (pairs.Average(pair => pair.X), pairs.Average(pair => pair.Y));
        var (xx, yy) = (pairs.Average(pair => (pair.X - meanX) * (pair.X - meanX)), pairs.Average(pair => (pair.Y - meanY) * (pair.Y - meanY)));
        if (xx < LeastVariance || yy < LeastVariance) return double.NaN;
        return Math.Clamp(pairs.Average(pair => (pair.X - meanX) * (pair.Y - meanY)) / Math.Sqrt(xx * yy), -1, 1);
    }
}
