using Bam.Torch;
using Bam.Torch.Kernels;

namespace Bam.Models;

// Decoding.
internal sealed partial class LanguageModel
{
    // Beyond, libtorch's own operators are worth several threads.
    private const int MostTokensTogether = 16;

    /// <summary>Bytes of one token's keys and values in all blocks.</summary>
    public long CacheBytesPerToken => KeyValueCache.BytesPerToken(Experts.OwnSizes, computeType);

    /// <summary>Memory for the keys and values of tokens to come.</summary>
    /// <param name="capacity">The positions, of each sequence.</param>
    /// <param name="batchSize">B, sequences that are decoded together.</param>
    /// <exception cref="InvalidInputException">The memory cannot hold them.</exception>
    public KeyValueCache CreateCache(int capacity, int batchSize = 1)
    {
        new CacheMemory(batchSize, capacity).Require(Experts.OwnSizes, Device, computeType, WeightsType);
        return new(Experts.OwnSizes, batchSize, capacity, Device, computeType);
    }

    /// <summary>Reads further tokens, and scores the one that comes after the last. Builds no graph.</summary>
    /// <param name="inputIds">[B, T], int64: the tokens that follow those in the cache.</param>
    /// <param name="cache">The tokens so far; the new ones are added.</param>
    /// <param name="trace">Receives which experts took the last token.</param>
    /// <returns>[B, V] in float32.</returns>
    public Tensor NextLogits(Tensor inputIds, KeyValueCache cache, RoutingTrace? trace = null)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var isReadAgain = MustReadAgain(cache.Length, cache.Length + (int)inputIds.Size(1));
        return scope.Keep(OfFewTokens(inputIds.Count + (isReadAgain ? cache.Length * inputIds.Size(0) : 0), () =>
        {
            var x = Read(inputIds, cache, trace);
            return head.Scores(x.Select(1, x.Size(1) - 1));
        }));
    }

    /// <summary>Memory for the keys and values of several sequences that are decoded side by side.</summary>
    public SlotCache CreateSlots(int slots, int capacity) => new(Experts.OwnSizes, slots, capacity, Device, computeType);

    /// <summary>
    /// Inputs of lengths with the same number can be in one <see cref="DecodingBatch"/>.
    /// </summary>
    public long FrequenciesAt(int length) => rotary.KeyOf(length);

    /// <summary>True where a sequence whose tokens were read at one length has to be read again at a longer one.</summary>
    public bool MustReadAgain(int readLength, int length) => readLength > 0 && rotary.ChangesBetween(readLength, length);

    /// <summary>Reads tokens of several sequences, and scores those that come after some of them. Builds no graph.</summary>
    /// <param name="batch">The tokens; at most <see cref="FewRowsKernel.MaxRows"/> give the same numbers in any company.</param>
    /// <param name="observers">One for each block, with a row for each token; null for none.</param>
    /// <returns>[<see cref="DecodingBatch.Scored"/>, V] in float32.</returns>
    public Tensor NextLogits(DecodingBatch batch, IReadOnlyList<IRoutingObserver>? observers = null)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var ids = Array.ConvertAll(batch.Ids, id => (long)id);
        var scored = Array.ConvertAll(batch.Scored, token => (long)token);
        return scope.Keep(OfFewTokens(ids.Length, () =>
        {
            var x = Hidden(Tensor.From<long>(ids, [ids.Length, 1], Device), new(observers, Batch: batch));  // [n, 1, d]
            if (scored.Length == 0) return Tensor.Empty([0, Config.VocabSize], ScalarType.Float32, Device);
            return head.Scores(x.Select(1, 0).IndexSelect(0, Tensor.From<long>(scored, [scored.Length], Device)));
        }));
    }

    // A few tokens spend their time in loops of C# kernels, one after the other, if the kernels support the sizes.
    private Tensor OfFewTokens(long tokens, Func<Tensor> function)
    {
        var isByKernels = Device.IsCpu && computeType == ScalarType.Float32 && Experts.Size == 1 && SmallGemm.IsSupported
            && (Config.HiddenSize | Config.IntermediateSize | Config.HeadDim) % SmallGemm.Lanes == 0;
        return isByKernels && tokens <= MostTokensTogether ? ParallelLoop.Together(function) : function();
    }

    // The hidden states of the tokens [B, T, d], and of those in the cache if they had to be read again.
    private Tensor Read(Tensor inputIds, KeyValueCache cache, RoutingTrace? trace)
    {
        using var scope = TensorScope.Open();
        cache.RequireRoom(inputIds.Size(0), inputIds.Size(1));
        if (rotary.ChangesBetween(cache.Length, cache.Length + inputIds.Size(1)))
        {
            inputIds = cache.WithIdsSoFar(inputIds);
            cache.Truncate();
        }

        cache.Keep(inputIds);
        var x = Hidden(inputIds, new(trace?.Layers, cache));
        cache.Advance(inputIds.Size(1));
        return scope.Keep(x);
    }
}
