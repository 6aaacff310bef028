using Bam.Checkpoints;
using Bam.Torch;

namespace Bam.Models.Costs;

/// <summary>
/// What a served model keeps of each token: the keys and values of every layer. Attention experts with their own multiply it by N;
/// shared ones leave it as small as a dense model's, and so do feed-forward experts. Top-k attention keeps all experts', for later tokens
/// may choose any.
/// </summary>
public static class KeyValueCache
{
    /// <summary>Bytes of one token.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="dtype">What keys and values are kept in.</param>
    public static long BytesPerToken(ModelConfig config, ScalarType dtype)
    {
        ArgumentNullException.ThrowIfNull(config);
        long keyValueExperts = config.ShareKeyValue ? 1 : config.NumAttentionExperts;
        return config.NumHiddenLayers * 2 * keyValueExperts * config.NumKeyValueHeads * config.HeadDim * dtype.ByteSize();
    }
}
