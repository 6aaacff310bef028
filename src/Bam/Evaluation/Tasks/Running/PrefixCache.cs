using System.Runtime.InteropServices;
using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;

namespace Bam.Evaluation.Tasks.Running;

/// <summary>
/// Reads sequences one after another; what a sequence shares with the one before it, such as few-shot examples, is read once.
/// </summary>
internal sealed class PrefixCache : IDisposable
{
    private readonly LanguageModel model;
    private readonly KeyValueCache cache;
    private readonly bool isReusable;
    private readonly List<int> read = [];

    /// <summary>Allocates memory for sequences of at most <paramref name="capacity"/> tokens.</summary>
    public PrefixCache(LanguageModel model, int capacity)
    {
        (this.model, cache) = (model, model.CreateCache(capacity));
        // The keys of these depend on the length of the sequence.
        isReusable = model.Config.RopeScaling is not { Type: RopeScalingType.Dynamic or RopeScalingType.Longrope };
    }

    /// <summary>Reads a sequence.</summary>
    /// <param name="ids">The whole sequence.</param>
    /// <param name="count">For how many of its last tokens the scores of the next one are wanted.</param>
    /// <returns>[count, V] in float32.</returns>
    public Tensor Read(ReadOnlySpan<int> ids, int count)
    {
        using var scope = TensorScope.Open();
        var shared = isReusable ? Math.Min(ids.CommonPrefixLength(CollectionsMarshal.AsSpan(read)), ids.Length - count) : 0;
        cache.Truncate(shared);
        read.RemoveRange(shared, read.Count - shared);
        return scope.Keep(Append(ids[shared..], count));
    }

    /// <summary>Reads the next tokens of the same sequence.</summary>
    /// <returns>[count, V] in float32.</returns>
    public Tensor Append(ReadOnlySpan<int> ids, int count)
    {
        using var scope = TensorScope.Open();
        var input = new long[ids.Length];
        for (var i = 0; i < ids.Length; i++) input[i] = ids[i];
        var logits = model.LastLogits(Tensor.From<long>(input, [1, input.Length], model.Device), cache, count);
        read.AddRange(ids);
        return scope.Keep(logits.Select(0, 0));
    }

    public void Dispose() => cache.Dispose();
}
