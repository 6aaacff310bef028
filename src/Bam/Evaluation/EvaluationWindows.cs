namespace Bam.Evaluation;

/// <summary>
/// The non-overlapping windows of a held-out text of n tokens: window k has inputs [kT, kT+T) and targets one further. All targets
/// count, those of the last partial window too, so that each token but the first is predicted exactly once.
/// </summary>
/// <param name="tokenCount">n.</param>
/// <param name="windowLength">T.</param>
/// <param name="batchSize">The windows of one batch, at most.</param>
internal sealed class EvaluationWindows(long tokenCount, int windowLength, int batchSize)
{
    /// <summary>All targets: n - 1.</summary>
    public long Targets => Math.Max(0, tokenCount - 1);

    /// <summary>The batches in order; the windows of one batch are equally long and lie side by side.</summary>
    public IEnumerable<WindowBatch> Batches()
    {
        var whole = Targets / windowLength;
        for (long first = 0; first < whole; first += batchSize)
            yield return new WindowBatch(first * windowLength, (int)Math.Min(batchSize, whole - first), windowLength);
        if (Targets % windowLength is > 0 and var rest)
            yield return new WindowBatch(whole * windowLength, 1, (int)rest);
    }
}
