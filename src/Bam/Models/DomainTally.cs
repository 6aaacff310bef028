namespace Bam.Models;

/// <summary>Sums of shares over experts, for each domain apart.</summary>
/// <param name="domains">How many domains are told apart.</param>
/// <param name="experts">How many experts share.</param>
internal sealed class DomainTally(int domains, int experts)
{
    private readonly double[,] sums = new double[domains, experts];
    private double entropy;
    private long rowsAdded;

    /// <summary>The mean entropy of the rows added, in nats.</summary>
    public double MeanEntropy => rowsAdded == 0 ? 0 : entropy / rowsAdded;

    /// <summary>Adds rows of probabilities, the same number for each sequence.</summary>
    /// <param name="probabilities">[rows, experts].</param>
    /// <param name="domainOfSequence">[B].</param>
    public void AddRows(ReadOnlySpan<float> probabilities, int[] domainOfSequence)
    {
        var rows = probabilities.Length / experts;
        for (var row = 0; row < rows; row++)
        {
            var domain = DomainOf(row, rows, domainOfSequence);
            for (var expert = 0; expert < experts; expert++)
            {
                double p = probabilities[row * experts + expert];
                sums[domain, expert] += p;
                if (p > 0) entropy -= p * Math.Log(p);
            }
        }

        rowsAdded += rows;
    }

    /// <summary>Adds one expert's number for each assignment, the same number of assignments for each sequence.</summary>
    /// <param name="chosen">[assignments].</param>
    /// <param name="domainOfSequence">[B].</param>
    public void AddChoices(ReadOnlySpan<long> chosen, int[] domainOfSequence)
    {
        for (var i = 0; i < chosen.Length; i++) sums[DomainOf(i, chosen.Length, domainOfSequence), chosen[i]]++;
    }

    /// <summary>The experts' shares, summing to 1; null when nothing was added.</summary>
    /// <param name="domain">One domain, or null for all.</param>
    public double[]? Mean(int? domain)
    {
        var shares = new double[experts];
        for (var d = domain ?? 0; d < (domain + 1 ?? domains); d++)
        {
            for (var expert = 0; expert < experts; expert++) shares[expert] += sums[d, expert];
        }

        var total = shares.Sum();
        return total == 0 ? null : [.. shares.Select(share => share / total)];
    }

    private static int DomainOf(int row, int rows, int[] domainOfSequence) =>
        domainOfSequence[(int)((long)row * domainOfSequence.Length / rows)];
}
