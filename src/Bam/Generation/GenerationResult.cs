namespace Bam.Generation;

/// <summary>A generated text and what it took.</summary>
/// <param name="Text">The text after the prompt.</param>
/// <param name="Tokens">Its tokens; those whose text a stop string cut off are among them.</param>
/// <param name="PromptTokens">The tokens of the prompt.</param>
/// <param name="StopReason">Why it ended.</param>
/// <param name="PrefillSeconds">Reading the prompt, up to the first token's scores.</param>
/// <param name="DecodeSeconds">From there to the end.</param>
/// <param name="CacheBytes">The memory of keys and values.</param>
internal sealed record GenerationResult(
    string Text, IReadOnlyList<GeneratedToken> Tokens, int PromptTokens, StopReason StopReason, double PrefillSeconds, double DecodeSeconds, long CacheBytes)
{
    /// <summary>Tokens after the first, which the prompt's reading gives, by the second of decoding; 0 when there is none.</summary>
    public double TokensPerSecond => Tokens.Count > 1 ? (Tokens.Count - 1) / DecodeSeconds : 0;
}
