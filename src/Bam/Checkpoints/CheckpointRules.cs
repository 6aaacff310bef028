using Bam.Checkpoints.Families;

namespace Bam.Checkpoints;

/// <summary>What must hold between a checkpoint's tensors and its configuration.</summary>
internal static class CheckpointRules
{
    /// <summary>Checks names, shapes and dtypes; gives the one dtype of all parameters.</summary>
    /// <param name="directory">The checkpoint.</param>
    /// <param name="family">Its family.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="sources">Where its parameters should lie.</param>
    /// <param name="shards">What is stored.</param>
    public static TensorDtype Check(
        string directory, ModelFamily family, ModelConfig config, IReadOnlyList<TensorSource> sources, ShardSet shards)
    {
        var configPath = Path.Combine(directory, ModelConfig.FileName);
        var expected = sources.DistinctBy(source => source.Tensor).ToDictionary(source => source.Tensor);
        var dtype = ExpectedDtype(config, expected.Keys, shards);
        foreach (var (name, source) in expected)
        {
            var shape = TensorShape.Describe(source.Shape);
            if (!shards.Tensors.TryGetValue(name, out var tensor))
            {
                throw new InvalidInputException(
                    $"{shards.Files[0].Path}: tensor {name}", $"{shape}, as {configPath} says", "none", "is config.json that of another model, or a shard missing?");
            }

            if (!tensor.Shape.SequenceEqual(source.Shape))
            {
                throw new InvalidInputException(
                    $"{shards.FileOf(name).Path}: tensor {name}: shape", $"{shape}, as {configPath} says",
                    TensorShape.Describe(tensor.Shape), "is config.json that of another model?");
            }

            if (tensor.Dtype != dtype)
            {
                throw new InvalidInputException(
                    $"{shards.FileOf(name).Path}: tensor {name}: dtype",
                    dtype is { } others ? $"{others.SafetensorsName} as in the other tensors" : "a floating-point dtype",
                    tensor.Dtype.SafetensorsName, "convert all tensors to one floating-point dtype");
            }
        }

        var superfluous = shards.Tensors.Keys.FirstOrDefault(name => !expected.ContainsKey(name) && !IsKnownExtra(name, family, config));
        if (superfluous is null) return dtype!.Value;
        throw new InvalidInputException(
            $"{shards.FileOf(superfluous).Path}: tensor {superfluous}", $"only the {expected.Count} tensors of {configPath}", "one more",
            "is config.json that of another model?");
    }

    // A tied head may be stored once more, and older files carry tables.
    private static bool IsKnownExtra(string name, ModelFamily family, ModelConfig config) =>
        (config.TieWordEmbeddings && name == family.StoredHead) || family.Buffers.Any(end => name.EndsWith(end, StringComparison.Ordinal));

    /// <summary>The dtype that config.json declares where some parameter has it, else the most frequent; null where all are integers.</summary>
    private static TensorDtype? ExpectedDtype(ModelConfig config, IEnumerable<string> tensors, ShardSet shards)
    {
        var dtypes = tensors
            .Select(tensor => shards.Tensors.GetValueOrDefault(tensor)?.Dtype)
            .Where(dtype => dtype is { IsFloatingPoint: true })
            .Select(dtype => dtype!.Value)
            .ToList();
        if (config.TorchDtype is { } name && TensorDtypes.FromTorchName(name) is { } declared && dtypes.Contains(declared)) return declared;
        return dtypes.Count == 0 ? null : dtypes.CountBy(dtype => dtype).MaxBy(pair => pair.Value).Key;
    }
}
