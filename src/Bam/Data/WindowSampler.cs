namespace Bam.Data;

/// <summary>
/// Draws training windows from a mixture of domains. The windows of step s are a pure function of (seed, s): never of what was drawn
/// before, of the model, of threads, or of how long the phase is, so that a shorter run sees a prefix of a longer one's.
/// </summary>
/// <remarks>
/// Domains are drawn by systematic sampling: with one uniform u for the step, slot b takes the domain whose cumulative share contains
/// (b + u) / B. Each step's counts are thus within one of B·share, and exact where B·share is whole. A window's start is uniform over
/// all starts in its domain's text.
/// </remarks>
internal sealed class WindowSampler
{
    private readonly MixtureDomain[] domains;
    private readonly double[] cumulativeShares;
    private readonly int windowLength;
    private readonly int batchSize;
    private readonly long seed;

    /// <summary>Describes the stream of batches; draws nothing.</summary>
    /// <param name="domains">The mixture; weights are relative.</param>
    /// <param name="windowLength">T, the tokens of a window that a model reads.</param>
    /// <param name="batchSize">B, windows a step.</param>
    /// <param name="seed">The data seed.</param>
    /// <exception cref="InvalidInputException">A domain is shorter than a window, or a weight is not a positive number.</exception>
    public WindowSampler(IReadOnlyList<MixtureDomain> domains, int windowLength, int batchSize, long seed)
    {
        ArgumentNullException.ThrowIfNull(domains);
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
    /// <param name="step">From 0.</param>
    /// <exception cref="InvalidInputException">A domain's text holds an id outside its vocabulary.</exception>
    public TokenBatch Draw(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var random = new RandomStream(seed, $"step {step}");
        var u = random.NextDouble();
        var tokens = new int[batchSize * (windowLength + 1)]; // [B, T+1]
        var drawn = new int[batchSize];
        var starts = new long[batchSize];
        var domain = 0;
        for (var b = 0; b < batchSize; b++)
        {
            while (cumulativeShares[domain] <= (b + u) / batchSize) domain++;
            drawn[b] = domain;
            var text = domains[domain].Tokens;
            var window = tokens.AsSpan(b * (windowLength + 1), windowLength + 1);
            starts[b] = random.NextInt64(text.TokenCount - windowLength);
            if (domains[domain].BeginOfWindow is { } begin)
            {
                window[0] = begin;
                window = window[1..];
            }

            text.Read(starts[b], window);
        }

        return new(tokens, drawn, starts, batchSize, windowLength);
    }

    private static void Check(MixtureDomain domain, int windowLength)
    {
        if (!(domain.Weight > 0 && double.IsFinite(domain.Weight)))
            throw new InvalidInputException($"domain '{domain.Name}', weight", "a number above 0", $"{domain.Weight}", "leave the domain out instead");
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
/// <param name="Tokens">Its training text.</param>
/// <param name="Weight">Its share of the windows, relative to the other domains'; more than 0.</param>
/// <param name="BeginOfWindow">The token that each window begins with, before its text; null for none.</param>
internal sealed record MixtureDomain(string Name, IndexedDataset Tokens, double Weight, int? BeginOfWindow = null);

/// <summary>The windows of one step.</summary>
/// <param name="Tokens">[B, T+1], row by row: each window's T inputs and one token more, so that targets are inputs shifted by one.</param>
/// <param name="Domains">[B]: the index of each window's domain.</param>
/// <param name="Starts">[B]: the place in its domain's text of each window's first token, of those that are not a begin token.</param>
/// <param name="BatchSize">B, windows.</param>
/// <param name="WindowLength">T, tokens.</param>
internal sealed record TokenBatch(int[] Tokens, int[] Domains, long[] Starts, int BatchSize, int WindowLength);
