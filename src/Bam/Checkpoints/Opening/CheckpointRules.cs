using Bam.Checkpoints.Families;
using Bam.Checkpoints.Safetensors;

namespace Bam.Checkpoints.Opening;

/// <summary>The rules between a checkpoint's tensors and its configuration.</summary>
internal static class CheckpointRules
{
    /// <summary>Checks names, shapes and dtypes.</summary>
    /// <returns>The stored tensors that hold parameters, in the order of these.</returns>
    /// <exception cref="InvalidInputException">Something is missing, superfluous or wrong; the line names the first.</exception>
    public static IReadOnlyCollection<string> Check(
        string directory, ModelFamily family, ModelConfig config, IReadOnlyList<TensorSource> sources, ShardSet shards)
    {
        var configPath = Path.Combine(directory, ModelConfig.FileName);
        var expected = new Dictionary<string, TensorSource>(sources.Count);
        foreach (var source in sources) expected.TryAdd(source.Tensor, source);
        foreach (var (name, source) in expected)
        {
            if (!shards.Tensors.TryGetValue(name, out var tensor))
            {
                throw new InvalidInputException(
                    $"{shards.Files[0].Path}: tensor {name}", $"{TensorShape.Describe(source.Shape)}, as {configPath} says",
                    "none", "is config.json that of another model, or a shard missing?");
            }

            RequireShape(tensor, source.Shape, directory, shards);
            RequireFloatingPoint(tensor, shards, expected.Keys);
        }

        var superfluous = shards.Tensors.Keys.FirstOrDefault(
            name => !expected.ContainsKey(name) && !IsKnownExtra(name, family, config) && !shards.IsScale(name));
        if (superfluous is null) return expected.Keys;
        if (QuantizedWeights.LeftScales(superfluous, shards) is { } fault) throw fault;
        throw new InvalidInputException(
            $"{shards.FileOf(superfluous).Path}: tensor {superfluous}", $"only the {expected.Count} tensors of {configPath}",
            "one more",
            "is config.json that of another model?");
    }

    /// <summary>Refuses a stored tensor of another shape than the configuration's.</summary>
    public static void RequireShape(TensorInfo tensor, long[] shape, string directory, ShardSet shards)
    {
        if (tensor.Shape.SequenceEqual(shape)) return;
        throw new InvalidInputException(
            $"{shards.FileOf(tensor.Name).Path}: tensor {tensor.Name}: shape",
            $"{TensorShape.Describe(shape)}, as {Path.Combine(directory, ModelConfig.FileName)} says",
            TensorShape.Describe(tensor.Shape), "is config.json that of another model?");
    }

    /// <summary>Refuses a parameter of integers. The message counts the parameters of the same dtype.</summary>
    public static void RequireFloatingPoint(TensorInfo tensor, ShardSet shards, params IEnumerable<string> parameters)
    {
        if (shards.IsReadable(tensor)) return;
        var others = parameters.Count(
            name => name != tensor.Name && shards.Tensors.TryGetValue(name, out var other) && other.Dtype == tensor.Dtype
                && !shards.IsReadable(other));
        throw QuantizedWeights.NotReadable(tensor, others, shards);
    }

    // A tied head may be stored once more, and older files carry tables.
    private static bool IsKnownExtra(string name, ModelFamily family, ModelConfig config) =>
        (config.TieWordEmbeddings && name == family.StoredHead)
            || family.Buffers.Any(end => name.EndsWith(end, StringComparison.Ordinal));
}
