namespace Bam.Data;

/// <summary>The windows of one step.</summary>
/// <param name="Tokens">[B, T+1], row by row: each window's T inputs and one token more, so that targets are inputs shifted by one.</param>
/// <param name="Domains">[B]: the index of each window's domain.</param>
/// <param name="Starts">[B]: the place in its domain's text of each window's first token, of those that are not a begin token.</param>
/// <param name="BatchSize">B, windows.</param>
/// <param name="WindowLength">T, tokens.</param>
internal sealed record TokenBatch(int[] Tokens, int[] Domains, long[] Starts, int BatchSize, int WindowLength);
