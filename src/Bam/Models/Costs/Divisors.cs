namespace Bam.Models.Costs;

/// <summary>The divisors of a number, in time that grows with its square root.</summary>
internal static class Divisors
{
    /// <summary>All divisors in ascending order.</summary>
    /// <param name="number">At least 1.</param>
    public static IReadOnlyList<int> Of(int number)
    {
        var (small, large) = (new List<int>(), new List<int>());
        for (var divisor = 1; divisor <= number / divisor; divisor++)
        {
            if (number % divisor != 0) continue;
            small.Add(divisor);
            if (divisor < number / divisor) large.Add(number / divisor);
        }

        large.Reverse();
        return [.. small, .. large];
    }
}
