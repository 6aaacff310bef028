using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models;

/// <summary>
/// What decoding keeps of the tokens that a model has read: keys, rotated by their positions, and values. Its heads are those
/// that the model has: G when attention is dense or experts share keys and values, N·G when each attention expert has its own.
/// </summary>
/// <remarks>Memory for all positions is allocated at once; a position is read only after it was written.</remarks>
internal sealed class KeyValueCache : IDisposable
{
    private readonly (Tensor Keys, Tensor Values)[] layers;
    private readonly Tensor? ids;  // [B, capacity], where tokens may have to be read again

    /// <summary>Allocates memory for B sequences of equal length, at most <paramref name="capacity"/> tokens each.</summary>
    public KeyValueCache(ModelConfig config, int batchSize, int capacity, Device device, ScalarType type = ScalarType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        (BatchSize, Capacity) = (batchSize, capacity);
        Heads = HeadsOf(config);
        Bytes = BytesPerToken(config, type) * batchSize * capacity;
        layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => (Memory(), Memory()))];

        if (config.RopeScaling is { Type: RopeScalingType.Longrope })
            ids = Tensor.Empty([batchSize, capacity], ScalarType.Int64, device).DetachFromScope();

        Tensor Memory() => Tensor.Empty([batchSize, Heads, capacity, config.HeadDim], type, device).DetachFromScope();
    }

    /// <summary>B, the sequences.</summary>
    public int BatchSize { get; }

    /// <summary>The capacity in positions.</summary>
    public int Capacity { get; }

    /// <summary>The key-value heads of one block.</summary>
    public int Heads { get; }

    /// <summary>The memory of all blocks' keys and values.</summary>
    public long Bytes { get; }

    /// <summary>The positions written: the next token's position.</summary>
    public int Length { get; private set; }

    /// <summary>
    /// Bytes of one token in all blocks. Attention experts with their own keys and values multiply it by N, top-k attention too,
    /// for later tokens may choose any; shared ones leave it as small as a dense model's, and so do feed-forward experts.
    /// </summary>
    public static long BytesPerToken(ModelConfig config, ScalarType type) =>
        2L * config.NumHiddenLayers * HeadsOf(config) * config.HeadDim * type.ByteSize();

    /// <summary>Forgets all tokens from position <paramref name="length"/> on; the memory stays.</summary>
    public void Truncate(int length = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
    }

    public void Dispose()
    {
        ids?.Dispose();
        foreach (var (keys, values) in layers)
        {
            keys.Dispose();
            values.Dispose();
        }
    }

    private static int HeadsOf(ModelConfig config) =>
        (config.ShareKeyValue ? 1 : config.NumAttentionExperts) * config.NumKeyValueHeads;

    /// <summary>One block's keys and values.</summary>
    internal PastTokens Layer(int layer) => new(layers[layer].Keys, layers[layer].Values, Length);

    /// <summary>Refuses tokens that there is no room for.</summary>
    internal void RequireRoom(long batchSize, long length)
    {
        if (batchSize == BatchSize && Length + length <= Capacity) return;
        throw new InvalidOperationException(
            $"the cache has room for {BatchSize} sequences of {Capacity - Length} more tokens, not for {batchSize} of {length}");
    }

    /// <summary>Notes the ids [B, T] of the tokens that every block is about to write.</summary>
    internal void Keep(Tensor inputIds) => ids?.Narrow(1, Length, inputIds.Size(1)).Copy_(inputIds);

    /// <summary>The ids of the tokens so far with those that follow them.</summary>
    internal Tensor WithIdsSoFar(Tensor inputIds) => Tensor.Cat([ids!.Narrow(1, 0, Length), inputIds], 1);

    /// <summary>Counts the tokens that every block has written.</summary>
    internal void Advance(long length) => Length += (int)length;
}
