namespace Bam.Evaluation;

/// <summary>How long one model takes for a text.</summary>
/// <param name="Prefill">Reading the prompt, up to the choice of the first token.</param>
/// <param name="Decode">The other tokens, one by one.</param>
/// <param name="Total">Both.</param>
/// <param name="NewTokens">The tokens that were generated.</param>
/// <param name="CacheBytes">The memory of keys and values.</param>
internal sealed record LatencyResult(Timing Prefill, Timing Decode, Timing Total, int NewTokens, long CacheBytes)
{
    /// <summary>One token of decoding, the median.</summary>
    public double SecondsPerToken => Decode.Median / (NewTokens - 1);
}
