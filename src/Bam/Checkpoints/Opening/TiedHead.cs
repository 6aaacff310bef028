using System.Runtime.InteropServices;
using Bam.Checkpoints.Adapters;
using Bam.Checkpoints.Families;
using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Checkpoints.Opening;

/// <summary>
/// The head of a model whose <c>config.json</c> says that it is the embedding matrix. A file may hold a head as well: the same
/// matrix once more, or another, which was trained and is then the model's.
/// </summary>
internal static class TiedHead
{
    /// <summary>Elements that are compared at a time.</summary>
    private const int BufferLength = 1 << 18;

    /// <summary>The configuration as the weights of the model have it; unchanged where they cannot be opened.</summary>
    /// <exception cref="InvalidInputException">As for the other overload.</exception>
    public static ModelConfig Resolve(ModelFamily family, ModelConfig config, ModelPath source, IReporter reporter)
    {
        if (!config.TieWordEmbeddings) return config;
        ShardSet shards;
        try
        {
            shards = ShardSet.Open(source.Base, reporter, source.IsAdapterInBase);
        }
        catch (InvalidInputException)
        {
            return config;  // whoever reads the weights is told; for sizes alone config.json is enough
        }

        using (shards)
        {
            AdapterFolding.FoldAll(source.Adapters, shards, family, config, reporter);
            return Resolve(family, config, source, shards, reporter);
        }
    }

    /// <summary>The configuration, untied where the stored head differs from the embedding matrix.</summary>
    /// <exception cref="InvalidInputException">The stored head has another shape, or no floating-point dtype.</exception>
    public static ModelConfig Resolve(
        ModelFamily family, ModelConfig config, ModelPath source, ShardSet shards, IReporter reporter)
    {
        if (!config.TieWordEmbeddings || !shards.Tensors.TryGetValue(family.StoredHead, out var head)) return config;
        long[] shape = [config.VocabSize, config.HiddenSize];
        CheckpointRules.RequireShape(head, shape, source.Base, shards);
        CheckpointRules.RequireFloatingPoint(head, shards);
        // Without an embedding matrix the head serves as one; a wrong one is refused with the other tensors.
        if (!shards.Tensors.TryGetValue(family.StoredEmbedding, out var embedding)) return config;
        if (!embedding.Shape.SequenceEqual(shape) || !shards.IsReadable(embedding) || AreEqual(head, embedding, shards))
            return config;
        reporter.Warn(
            source.Adapters.Count == 0
                ? $"{source}: {head.Name} is stored and differs from {embedding.Name}, although tie_word_embeddings is true; "
                    + "the model is read as untied, with both"
                : $"{source}: {head.Name} and {embedding.Name} differ with the adapter, although tie_word_embeddings is true; "
                    + "the model is read as untied, as it was trained");
        return config with { TieWordEmbeddings = false };
    }

    private static bool AreEqual(TensorInfo first, TensorInfo second, ShardSet shards)
    {
        var (a, b) = (new float[Math.Min(BufferLength, first.Count)], new float[Math.Min(BufferLength, first.Count)]);
        for (var start = 0L; start < first.Count; start += BufferLength)
        {
            var x = a.AsSpan(0, (int)Math.Min(BufferLength, first.Count - start));
            var y = b.AsSpan(0, x.Length);
            shards.ReadFloat32(first.Name, start, x);
            shards.ReadFloat32(second.Name, start, y);
            // By their bits: NaN is NaN.
            if (!MemoryMarshal.AsBytes(x).SequenceEqual(MemoryMarshal.AsBytes(y))) return false;
        }

        return true;
    }
}
