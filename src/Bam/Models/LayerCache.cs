using Bam.Torch;

namespace Bam.Models;

/// <summary>One block's part of a <see cref="KeyValueCache"/>.</summary>
/// <param name="cache">The whole.</param>
/// <param name="keys">[B, heads, capacity, D], turned by their positions.</param>
/// <param name="values">[B, heads, capacity, D].</param>
internal sealed class LayerCache(KeyValueCache cache, Tensor keys, Tensor values) : IDisposable
{
    /// <summary>[B, heads, capacity, D], turned by their positions.</summary>
    public Tensor Keys => keys;

    /// <summary>[B, heads, capacity, D].</summary>
    public Tensor Values => values;

    /// <summary>The position of the first new token.</summary>
    public int Start => cache.Length;

    /// <inheritdoc/>
    public void Dispose()
    {
        keys.Dispose();
        values.Dispose();
    }
}
