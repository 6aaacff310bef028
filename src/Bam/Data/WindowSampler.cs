namespace Bam.Data;

/// <summary>
/// Samples training windows from a mixture of domains. The windows of step s are a pure function of (seed, s), so that a shorter
/// run sees a prefix of a longer one.
/// </summary>
/// <remarks>
/// Domains are drawn by systematic sampling: with one uniform number u per step, slot b takes the domain whose cumulative share
/// contains (b + u) / B. Each step's counts are thus within one of B·share, and exact where B·share is whole. A window's start is
/// uniform over all starts in its domain's text.
/// </remarks>
internal sealed class WindowSampler
{
    private readonly MixtureDomain[] domains;
    private readonly double[] cumulativeShares;
    private readonly int windowLength;
    private readonly int batchSize;
    private readonly long seed;

    /// <summary>Defines the sequence of batches: T tokens per window, B windows per step.</summary>
    /// <exception cref="InvalidInputException">A domain is shorter than a window, or a weight is not positive.</exception>
    public WindowSampler(IReadOnlyList<MixtureDomain> domains, int windowLength, int batchSize, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfZero(domains.Count, nameof(domains));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(windowLength);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        foreach (var domain in domains) Check(domain, windowLength);
        this.domains = [.. domains];
        this.windowLength = windowLength;
        this.batchSize = batchSize;
        this.seed = seed;
        cumulativeShares = Accumulate(this.domains);
    }

    /// <summary>The windows of one step.</summary>
    /// <exception cref="InvalidInputException">The data contain an id outside the domain's vocabulary.</exception>
    public TokenBatch Draw(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var random = new RandomStream(seed, $"step {step}");
        var u = random.NextDouble();
        var tokens = new int[batchSize * (windowLength + 1)]; // [B, T+1]
        var drawn = new int[batchSize];
        var starts = new long[batchSize];
        var counts = domains.Any(candidate => candidate.Tokens.Mask is not null) ? new bool[tokens.Length] : null; // [B, T+1]
        var domain = 0;
        for (var b = 0; b < batchSize; b++)
        {
            while (cumulativeShares[domain] <= (b + u) / batchSize) domain++;
            drawn[b] = domain;
            var text = domains[domain].Tokens;
            var window = tokens.AsSpan(b * (windowLength + 1), windowLength + 1);
            var counted = counts is null ? [] : counts.AsSpan(b * (windowLength + 1), windowLength + 1);
            starts[b] = random.NextInt64(text.TokenCount - windowLength);
            if (domains[domain].BeginOfWindow is { } begin)
            {
                window[0] = begin;
                window = window[1..];
                if (!counted.IsEmpty) counted = counted[1..];
            }

            text.Read(starts[b], window);
            if (text.Mask is { } mask) mask.Read(starts[b], counted);
            else counted.Fill(true);
        }

        return new(tokens, drawn, starts, batchSize, windowLength, counts);
    }

    private static void Check(MixtureDomain domain, int windowLength)
    {
        if (!(domain.Weight > 0 && double.IsFinite(domain.Weight)))
            throw new InvalidInputException(
                $"domain '{domain.Name}', weight", "a number above 0", $"{domain.Weight}", "leave the domain out instead");
        if (domain.Tokens.TokenCount > windowLength) return;
        throw new InvalidInputException(
            $"domain '{domain.Name}' ({domain.Tokens.Prefix})",
            $"at least {windowLength + 1} training tokens for windows of {windowLength}",
            $"{domain.Tokens.TokenCount}",
            "give it more text or shorten the windows");
    }

    private static double[] Accumulate(MixtureDomain[] domains)
    {
        var total = domains.Sum(domain => domain.Weight);
        var cumulative = new double[domains.Length];
        double sum = 0;
        for (var i = 0; i < domains.Length; i++)
        {
            sum += domains[i].Weight;
            cumulative[i] = sum / total;
        }

        // (b + u) / B may round up to 1.
        cumulative[^1] = double.PositiveInfinity;
        return cumulative;
    }
}

/// <summary>One domain of a training mixture.</summary>
/// <param name="Name">The domain's name.</param>
/// <param name="Tokens">Its training data.</param>
/// <param name="Weight">Relative sampling weight, above 0.</param>
/// <param name="BeginOfWindow">The begin token of each window; null for none.</param>
internal sealed record MixtureDomain(string Name, IndexedDataset Tokens, double Weight, int? BeginOfWindow = null);

/// <summary>The windows of one step.</summary>
/// <param name="Tokens">
/// [B, T+1], row-major: each window's T inputs and one more token; targets are the inputs shifted by one.
/// </param>
/// <param name="Domains">[B], the domain index of each window.</param>
/// <param name="Starts">[B], the position in its domain's stream of each window's first token other than a begin token.</param>
/// <param name="BatchSize">B, windows.</param>
/// <param name="WindowLength">T, tokens.</param>
/// <param name="Counts">[B, T+1], whether each token counts as a target; null if all do.</param>
internal sealed record TokenBatch(
    int[] Tokens, int[] Domains, long[] Starts, int BatchSize, int WindowLength, bool[]? Counts = null);
