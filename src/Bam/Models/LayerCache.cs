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

    /// <summary>Writes the new tokens' keys and values behind the old ones'.</summary>
    /// <param name="newKeys">[B, heads, T, D], turned.</param>
    /// <param name="newValues">[B, heads, T, D].</param>
    /// <returns>Views of all tokens', [B, heads, Start + T, D].</returns>
    public (Tensor Keys, Tensor Values) Append(Tensor newKeys, Tensor newValues)
    {
        using var scope = TensorScope.Open();
        var length = newKeys.Size(2);
        keys.Narrow(2, Start, length).Copy_(newKeys);
        values.Narrow(2, Start, length).Copy_(newValues);
        return scope.Keep(keys.Narrow(2, 0, Start + length), values.Narrow(2, 0, Start + length));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        keys.Dispose();
        values.Dispose();
    }
}
