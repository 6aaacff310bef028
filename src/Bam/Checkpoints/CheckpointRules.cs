using Bam.Checkpoints.Families;

namespace Bam.Checkpoints;

/// <summary>What must hold between a checkpoint's tensors and its configuration.</summary>
internal static class CheckpointRules
{
    /// <summary>Checks names, shapes and dtypes.</summary>
    /// <param name="directory">The checkpoint.</param>
    /// <param name="family">Its family.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="sources">Where its parameters should lie.</param>
    /// <param name="shards">What is stored.</param>
    /// <exception cref="InvalidInputException">Something is missing, superfluous or wrong; the one line names the first.</exception>
    public static void Check(
        string directory, ModelFamily family, ModelConfig config, IReadOnlyList<TensorSource> sources, ShardSet shards)
    {
        var configPath = Path.Combine(directory, ModelConfig.FileName);
        var expected = sources.DistinctBy(source => source.Tensor).ToDictionary(source => source.Tensor);
        foreach (var (name, source) in expected)
        {
            if (!shards.Tensors.TryGetValue(name, out var tensor))
            {
                throw new InvalidInputException(
                    $"{shards.Files[0].Path}: tensor {name}", $"{TensorShape.Describe(source.Shape)}, as {configPath} says", "none", "is config.json that of another model, or a shard missing?");
            }

            RequireShape(tensor, source.Shape, directory, shards);
            RequireFloatingPoint(tensor, shards, expected.Keys);
        }

        var superfluous = shards.Tensors.Keys.FirstOrDefault(name => !expected.ContainsKey(name) && !IsKnownExtra(name, family, config) && !shards.IsScale(name));
        if (superfluous is null) return;
        if (QuantizedWeights.LeftScales(superfluous, shards) is { } fault) throw fault;
        throw new InvalidInputException(
            $"{shards.FileOf(superfluous).Path}: tensor {superfluous}", $"only the {expected.Count} tensors of {configPath}", "one more",
            "is config.json that of another model?");
    }

    /// <summary>Refuses a stored tensor of another shape than the configuration's.</summary>
    public static void RequireShape(TensorInfo tensor, long[] shape, string directory, ShardSet shards)
    {
        if (tensor.Shape.SequenceEqual(shape)) return;
        throw new InvalidInputException(
            $"{shards.FileOf(tensor.Name).Path}: tensor {tensor.Name}: shape", $"{TensorShape.Describe(shape)}, as {Path.Combine(directory, ModelConfig.FileName)} says",
            TensorShape.Describe(tensor.Shape), "is config.json that of another model?");
    }

    /// <summary>Refuses a parameter of integers.</summary>
    /// <param name="tensor">It.</param>
    /// <param name="shards">What is stored.</param>
    /// <param name="parameters">The tensors of all parameters, of which the message counts those of the same dtype.</param>
    public static void RequireFloatingPoint(TensorInfo tensor, ShardSet shards, params IEnumerable<string> parameters)
    {
        if (shards.IsReadable(tensor)) return;
        var others = parameters.Count(name => name != tensor.Name && shards.Tensors.TryGetValue(name, out var other) && other.Dtype == tensor.Dtype && !shards.IsReadable(other));
        throw QuantizedWeights.NotReadable(tensor, others, shards);
    }

    // A tied head may be stored once more, and older files carry tables.
    private static bool IsKnownExtra(string name, ModelFamily family, ModelConfig config) =>
        (config.TieWordEmbeddings && name == family.StoredHead) || family.Buffers.Any(end => name.EndsWith(end, StringComparison.Ordinal));
}
