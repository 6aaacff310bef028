using System.Globalization;

namespace Bam.Checkpoints.Families;

/// <summary>
/// The coefficient of the load-balancing loss in transformers' meaning and in Bam's. For L layers and k experts of a token,
/// transformers joins the tokens of all layers into one term, whose fractions of assignments sum to k; Bam adds a term for each
/// layer, whose fractions sum to 1. With uniform routing, transformers' loss is k times the coefficient, and Bam's L times.
/// </summary>
internal static class BalanceWeight
{
    /// <summary>Bam's coefficient for transformers'.</summary>
    public static double ToBam(double theirs, int expertsPerToken, int layers) => theirs * expertsPerToken / layers;

    /// <summary>
    /// transformers' coefficient for Bam's: the shortest decimal, else the nearest number, that <see cref="ToBam"/> turns back
    /// into exactly the same.
    /// </summary>
    public static double FromBam(double ours, int expertsPerToken, int layers)
    {
        var exact = ours * layers / expertsPerToken;
        var rounded = double.Parse(exact.ToString("G15", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        double[] candidates = [rounded, exact, Math.BitDecrement(exact), Math.BitIncrement(exact)];
        return candidates.Where(candidate => ToBam(candidate, expertsPerToken, layers) == ours).DefaultIfEmpty(exact).First();
    }
}
