using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Functions;
using Bam.Torch.Kernels;

namespace Bam.Models;

/// <summary>
/// Tokens of several sequences that are read in one pass: each sequence's next one while it is decoded, or a part of a prompt.
/// What a sequence's tokens give does not depend on the others.
/// </summary>
/// <param name="Ids">[n].</param>
/// <param name="Places">Which slot of the cache each token belongs to, and its position.</param>
/// <param name="Cache">The tokens so far; these are added.</param>
/// <param name="Length">
/// The tokens of the longest sequence, those of its prompt included that are read later. The rotary frequencies of some models
/// depend on it: all sequences must have the same (<see cref="LanguageModel.FrequenciesAt"/>).
/// </param>
/// <param name="Scored">The tokens, of 0 … n - 1, that are followed by one that is wanted.</param>
internal sealed record DecodingBatch(int[] Ids, TokenPlaces Places, SlotCache Cache, int Length, int[] Scored);

/// <summary>
/// The keys and values of several sequences, each in a slot of its own for at most <see cref="Capacity"/> tokens. Which positions
/// are written, the user of the slots keeps in mind.
/// </summary>
internal sealed class SlotCache : IDisposable
{
    private readonly (Tensor Keys, Tensor Values)[] layers;

    /// <summary>Allocates all memory.</summary>
    public SlotCache(ModelConfig config, int slots, int capacity, Device device, ScalarType type)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(slots);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        (Slots, Capacity) = (slots, capacity);
        layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => (Memory(), Memory()))];

        Tensor Memory() => Tensor.Zeros(
            [slots, KeyValueCache.HeadsOf(config), capacity, config.HeadDim], type, device).DetachFromScope();
    }

    public int Slots { get; }

    /// <summary>The most tokens of one sequence.</summary>
    public int Capacity { get; }

    public void Dispose()
    {
        foreach (var (keys, values) in layers)
        {
            keys.Dispose();
            values.Dispose();
        }
    }

    /// <summary>Copies the first tokens of a sequence into another slot, which then begins alike.</summary>
    public void Copy(int from, int to, int length)
    {
        using var scope = TensorScope.Open();
        foreach (var (keys, values) in layers)
        {
            foreach (var memory in (Tensor[])[keys, values])
                memory.Select(0, to).Narrow(1, 0, length).Copy_(memory.Select(0, from).Narrow(1, 0, length));
        }
    }

    /// <summary>One block's keys and values, for tokens at these places.</summary>
    internal PastTokens Layer(int layer, TokenPlaces places) => new(layers[layer].Keys, layers[layer].Values, Count: 0, places);
}
