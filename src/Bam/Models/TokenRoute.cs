namespace Bam.Models;

/// <summary>What one block's routers decided for one token.</summary>
/// <param name="FeedForwardExperts">The k experts that took it, largest probability first; none in a dense block.</param>
/// <param name="AttentionGates">The gate of each attention expert, [N], 0 outside the top k; none with dense attention.</param>
internal sealed record TokenRoute(IReadOnlyList<int> FeedForwardExperts, IReadOnlyList<float> AttentionGates);
