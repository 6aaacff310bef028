using Bam.Torch;

namespace Bam.Models;

/// <summary>The mean of what the routers of one block read, or would read in a dense block.</summary>
/// <param name="hiddenSize">d.</param>
internal sealed class RouterInputMean(int hiddenSize) : IRoutingObserver
{
    private readonly double[] attention = new double[hiddenSize];
    private readonly double[] feedForward = new double[hiddenSize];
    private long attentionTokens;
    private long feedForwardTokens;

    /// <summary>Of the attention router's input, [d].</summary>
    public double[] Attention => Array.ConvertAll(attention, sum => sum / attentionTokens);

    /// <summary>Of the feed-forward router's input, [d].</summary>
    public double[] FeedForward => Array.ConvertAll(feedForward, sum => sum / feedForwardTokens);

    /// <inheritdoc/>
    public void AddAttentionInput(Tensor h) => attentionTokens += Add(h, attention);

    /// <inheritdoc/>
    public void AddFeedForwardInput(Tensor h) => feedForwardTokens += Add(h, feedForward);

    private static long Add(Tensor h, double[] sums)
    {
        using var scope = TensorScope.Open();
        var tokens = h.To(ScalarType.Float32).Reshape(-1, sums.Length);  // [n, d]
        var sum = tokens.Sum(0).ToArray<float>();
        for (var i = 0; i < sums.Length; i++) sums[i] += sum[i];
        return tokens.Size(0);
    }
}
