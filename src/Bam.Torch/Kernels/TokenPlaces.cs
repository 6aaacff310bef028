namespace Bam.Torch.Kernels;

/// <summary>
/// Where each of n new tokens stands: which sequence's memory it belongs to, and at which position. Tokens of one sequence are
/// neighbours, in the order of their positions.
/// </summary>
/// <param name="Slots">[n], the sequence of each token.</param>
/// <param name="Positions">[n], its position in it.</param>
internal sealed record TokenPlaces(int[] Slots, int[] Positions)
{
    public int Count => Slots.Length;

    /// <summary>The largest position.</summary>
    public int LastPosition => Positions.Max();

    /// <summary>One token for each of B sequences of equal length.</summary>
    public static TokenPlaces OfSequences(int batchSize, int position)
    {
        var (slots, positions) = (new int[batchSize], new int[batchSize]);
        for (var sequence = 0; sequence < batchSize; sequence++) (slots[sequence], positions[sequence]) = (sequence, position);
        return new(slots, positions);
    }

    /// <summary>The neighbours of one sequence each, at most <paramref name="longest"/>: where they begin, how many.</summary>
    public IEnumerable<(int First, int Count)> Runs(int longest = int.MaxValue)
    {
        for (var first = 0; first < Count;)
        {
            var end = first + 1;
            while (end < Count && end - first < longest && Slots[end] == Slots[first]
                && Positions[end] == Positions[end - 1] + 1)
            {
                end++;
            }

            yield return (first, end - first);
            first = end;
        }
    }
}
